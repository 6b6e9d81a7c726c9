// On a narrow page one group of controls is shown at a time, below those of the sound: the one whose name is chosen.

const $ = (id) => document.getElementById(id);

export function nameGroups() {
  const fieldsets = [...document.querySelectorAll("fieldset[data-group]")];
  const names = [...new Set(fieldsets.map(({ dataset }) => dataset.group))];
  const buttons = names.map((textContent) => Object.assign(document.createElement("button"), { type: "button", textContent }));
  const choose = (name) => {
    for (const each of fieldsets) each.classList.toggle("chosen", each.dataset.group === name);
    for (const each of buttons) each.ariaPressed = each.textContent === name;
  };
  for (const each of buttons) each.addEventListener("click", () => choose(each.textContent));
  $("groups").replaceChildren(...buttons);
  choose(names[0]);
}
