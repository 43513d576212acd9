// Pictures of the last minutes, drawn as SVG.

const SHOWN_STEPS = 120;
const HEIGHT = 132;
const MARGIN = { top: 8, right: 4, bottom: 18, left: 46 };

/** The least round number that is not below `value`. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 6, 8, 10].map((factor) => factor * power).find((each) => each >= value * 0.999);
}

/** A number as short as it can be read. */
function short(value) {
  if (value >= 10000) {
    return `${Number((value / 1000).toPrecision(3))}k`;
  }
  return String(value >= 100 ? Math.round(value) : Number(value.toPrecision(2)));
}

/** A chart in a figure of the page.
 *
 * `series` have a `name`, a `kind` (bar, area or line), a `color` (a class) and
 * `values`, a function of the history; `headline` is one of the status; `format`
 * puts a value into words.
 * Returns a function that draws a status. */
function chart(id, { title, unit, series, headline, least, format = short }) {
  const figure = byId(id);
  const number = make("strong");
  const readout = make("p", { className: "readout" });
  const picture = draw("svg", { role: "img", tabindex: 0, height: HEIGHT });
  const heading = make("span");
  const unitText = make("span", { className: "unit" });
  figure.append(make("figcaption", {}, heading, make("span", {}, number, unitText)), picture, readout);

  let status = null;
  let chosen = null;
  const redraw = () => {
    setText(heading, title);
    unitText.textContent = unit ? ` ${say(unit)}` : "";
    if (!status) {
      return;
    }
    number.textContent = headline(status);
    const view = { ...viewOf(status.history, series, picture.clientWidth || 320, least), format };
    picture.setAttribute("aria-label", summary(title, view));
    picture.replaceChildren(...axes(view), ...view.drawn.flatMap((each) => marks(each, view)));
    if (chosen !== null && chosen < view.count) {
      picture.append(cursor(view, chosen));
    }
    readout.replaceChildren(...legend(view, chosen));
  };
  const choose = (index) => {
    chosen = index;
    redraw();
  };
  follow(picture, () => status && viewOf(status.history, series, picture.clientWidth, least), () => chosen, choose);
  new ResizeObserver(redraw).observe(picture);
  onLanguage(redraw);
  return (newStatus) => {
    status = newStatus;
    redraw();
  };
}

/** All that drawing needs: sizes, the values of each series, and scales. */
function viewOf(history, series, width, least) {
  const drawn = series.map((each) => ({ ...each, points: each.values(history) }));
  const highest = Math.max(least, ...drawn.flatMap((each) => each.points.map((value) => value ?? 0)));
  const top = roundUp(highest);
  const count = drawn[0].points.length;
  const step = (width - MARGIN.left - MARGIN.right) / SHOWN_STEPS;
  const depth = HEIGHT - MARGIN.top - MARGIN.bottom;
  return {
    drawn,
    count,
    step,
    top,
    width,
    history,
    x: (index) => width - MARGIN.right - (count - index - 0.5) * step,
    y: (value) => MARGIN.top + depth * (1 - value / top),
  };
}

function axes(view) {
  const lines = [0, view.top / 2, view.top].flatMap((value) => {
    const y = view.y(value);
    return [
      draw("line", { class: "grid", x1: MARGIN.left, x2: view.width - MARGIN.right, y1: y, y2: y }),
      draw("text", { class: "tick", x: MARGIN.left - 6, y: y + 3.5, "text-anchor": "end" }, view.format(value)),
    ];
  });
  const y = HEIGHT - 3;
  const minutes = (SHOWN_STEPS * view.history.step_seconds) / 60;
  const ago = (count) => say("minutes_ago", { count });
  return [
    ...lines,
    draw("text", { class: "tick", x: MARGIN.left, y }, ago(minutes)),
    draw("text", { class: "tick", x: (MARGIN.left + view.width - MARGIN.right) / 2, y, "text-anchor": "middle" }, ago(minutes / 2)),
    draw("text", { class: "tick", x: view.width - MARGIN.right, y, "text-anchor": "end" }, say("now")),
  ];
}

function marks({ kind, color, points }, view) {
  if (kind === "bar") {
    return [draw("path", { class: `bar ${color}`, d: barPath(points, view) })];
  }
  const runs = runsOf(points);
  const line = runs.map((run) => linePath(run, points, view)).join("");
  const drawn = [draw("path", { class: `line ${color}`, d: line })];
  if (kind === "area") {
    drawn.unshift(draw("path", { class: `area ${color}`, d: runs.map((run) => areaPath(run, points, view)).join("") }));
  }
  return drawn;
}

function barPath(points, view) {
  const width = Math.max(1, view.step * 0.72);
  return points
    .map((value, index) => value && `M${view.x(index) - width / 2} ${view.y(0)}V${view.y(value)}h${width}V${view.y(0)}z`)
    .filter(Boolean)
    .join("");
}

/** Where the values that follow each other begin and end: [[first, last], …]. */
function runsOf(points) {
  const runs = [];
  points.forEach((value, index) => {
    if (value === null) {
      return;
    }
    if (index && points[index - 1] !== null) {
      runs[runs.length - 1][1] = index;
    } else {
      runs.push([index, index]);
    }
  });
  return runs;
}

/** A line through a run; a dot, by its round ends, where that is one value. */
function linePath([first, last], points, view) {
  const places = points.slice(first, last + 1).map((value, offset) => `${view.x(first + offset)} ${view.y(value)}`);
  return `M${places.join("L")}${first === last ? "h0.01" : ""}`;
}

function areaPath([first, last], points, view) {
  const bottom = view.y(0);
  const above = linePath([first, last], points, view).replace("M", "L");
  return `M${view.x(first)} ${bottom}${above}L${view.x(last)} ${bottom}z`;
}

function cursor(view, index) {
  const x = view.x(index);
  return draw("line", { class: "cursor", x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom });
}

/** The series with the values of the chosen step, or with their newest ones. */
function legend(view, chosen) {
  const index = chosen ?? view.count - 1;
  const items = view.drawn.map(({ name, color, points }) => {
    const value = points[index] ?? null;
    const shown = value === null ? "–" : view.format(value);
    return make("span", {}, draw("svg", { class: "swatch", viewBox: "0 0 8 8", "aria-hidden": "true" }, draw("rect", { class: color, width: 8, height: 8, rx: 2 })), `${say(name)} ${shown}`);
  });
  if (chosen !== null && chosen < view.count) {
    items.push(make("time", {}, timeOf(view.history, chosen, view.count)));
  }
  return items;
}

function timeOf(history, index, count) {
  const seconds = history.end_unix - (count - index) * history.step_seconds;
  return new Date(seconds * 1000).toLocaleTimeString(document.documentElement.lang);
}

function summary(title, view) {
  const parts = view.drawn.map(({ name, points }) => {
    const known = points.filter((value) => value !== null);
    const newest = known.length ? view.format(known[known.length - 1]) : say("none_yet");
    return `${say(name)} ${newest}`;
  });
  return `${say(title)}: ${parts.join(", ")}`;
}

/** Have the pointer and the arrow keys choose a step of the picture. */
function follow(picture, view, chosen, choose) {
  picture.addEventListener("pointermove", (event) => {
    const now = view();
    if (now) {
      const fromRight = now.width - MARGIN.right - event.offsetX;
      choose(clamp(now.count - 1 - Math.floor(fromRight / now.step), now.count));
    }
  });
  picture.addEventListener("pointerleave", () => choose(null));
  picture.addEventListener("blur", () => choose(null));
  picture.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const now = view();
    if (move && now) {
      event.preventDefault();
      choose(clamp((chosen() ?? now.count) + move, now.count));
    }
  });
}

function clamp(index, count) {
  return count ? Math.min(Math.max(index, 0), count - 1) : null;
}
