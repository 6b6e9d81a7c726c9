// Text on a page: what stands there is not set again, as the browser would lay it out and draw it anew.

export function tell(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text;
}
