// Watches what the key Tab comes to. Called once before the keys, with "watch", and gives how many are
// needed; and once after, with "tell", and gives what is wrong: a list of [rule, what].
const looks = (element) => {
  const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor, stroke, strokeWidth, fill } = getComputedStyle(element);
  const outline = outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
  return [outline, JSON.stringify([boxShadow, borderColor, backgroundColor, stroke, strokeWidth, fill])];
};
const told = (element) => `<${element.localName}> ${JSON.stringify(element.textContent.trim().replace(/\s+/g, " ").slice(0, 50))}`;
if (arguments[0] === "watch") {
  const wanted = [...document.querySelectorAll("a[href], button, input:not([type=radio]), select, textarea, summary, [tabindex]")]
    .filter((element) => element.tabIndex >= 0 && !element.disabled && element.checkVisibility({ visibilityProperty: true }));
  window.watched = { wanted, plain: new Map(wanted.map((element) => [element, looks(element)])), reached: new Set(), unseen: new Set() };
  document.addEventListener("focusin", ({ target }) => {
    window.watched.reached.add(target);
    const plain = window.watched.plain.get(target);
    const [outline, rest] = looks(target);
    if (plain && !outline && rest === plain[1]) window.watched.unseen.add(target);
  });
  return wanted.length;
}
const { wanted, reached, unseen } = window.watched;
const missed = wanted.filter((element) => !reached.has(element)).slice(0, arguments[1]);
return [
  ...missed.map((element) => ["keyboard", `${told(element)}: Tab does not come to it`]),
  ...[...unseen].map((element) => ["focus", `${told(element)}: nobody sees that it has the focus`]),
];
