// The document: finding and making its elements. Data is only ever their text.

const SVG = "http://www.w3.org/2000/svg";

function byId(id) {
  return document.getElementById(id);
}

/** A new element; `properties` are those of the DOM, `children` elements or texts. */
function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A new element of SVG, with these attributes. */
function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Show `text` in an element that is hidden without one. */
function showOrHide(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

/** Copy `text`, and say so on the button for a moment. */
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text); // without TLS browsers have no clipboard for pages
  }
  setText(button, "copied");
  setTimeout(() => setText(button, "copy"), 1500);
}

function copyBySelection(text) {
  const carrier = make("textarea", { value: text, className: "hidden" });
  const focused = document.activeElement;
  document.body.append(carrier);
  carrier.select();
  document.execCommand("copy");
  carrier.remove();
  focused?.focus();
}
