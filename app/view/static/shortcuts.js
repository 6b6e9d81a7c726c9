// Keys of one character: everywhere in the page or, for those who press them unawares, in the picture alone (WCAG 2.1.4).

const COOKIE = "keys=picture"; // kept for a year, for both pages: their port, and with it what else a browser keeps, is new each time
const YEAR_S = 31536000;
const $ = (id) => document.getElementById(id);

export function chooseShortcuts() {
  const box = $("everywhere");
  box.checked = !document.cookie.split("; ").includes(COOKIE);
  box.addEventListener("change", () => (document.cookie = `${COOKIE}; path=/; samesite=strict; max-age=${box.checked ? 0 : YEAR_S}`));
}

// Whether a key is to do something: a space, arrows and the like always are.
export const isMeant = ({ key, target }) => $("everywhere").checked || key === " " || key.length > 1 || target === $("stage");
