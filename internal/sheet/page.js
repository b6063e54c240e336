"use strict";
// A page is complete without this script. It adds buttons that hide or show a name in all figures, and the values of the mark under the
// pointer or the focus, as they are in the figure's table. Texts are set as text, never as HTML.
(() => {
const svgs = [...document.querySelectorAll("figure svg.fig")];
if (!svgs.length) return;
const make = (name, attributes, ...content) => {
	const svg = ["svg", "path", "rect"].includes(name);
	const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
	for (const key in attributes) e.setAttribute(key, attributes[key]);
	e.append(...content);
	return e;
};
const shown = mark => !mark.closest(".off");
const middle = mark => {
	const r = mark.getBoundingClientRect();
	return [r.left + r.width / 2, r.top + r.height / 2];
};

const tables = new Map(); // of each figure: the titles of the columns, and the rows
const table = figure => {
	if (!tables.has(figure)) tables.set(figure, [...figure.querySelectorAll("tr")].map(row => [...row.cells].map(cell => cell.textContent)));
	return tables.get(figure);
};

// The names, in the order in which they occur, and their buttons. Those are of one kind: what most figures show, strategies.
const figures = [...new Set(svgs.map(svg => svg.closest("figure")))], kindOf = figure => table(figure)[0][0];
const common = kind => figures.filter(figure => kindOf(figure) === kind).length;
const most = figures.map(kindOf).reduce((a, b) => common(b) > common(a) ? b : a);
const named = [...document.querySelectorAll("figure svg [data-series]")].filter(e => kindOf(e.closest("figure")) === most);
const names = [...new Set(named.map(e => e.dataset.series))].filter(name => name);
const hidden = new Set();
const update = () => {
	for (const e of named) e.classList.toggle("off", hidden.has(e.dataset.series));
	buttons.forEach((b, i) => b.setAttribute("aria-pressed", !hidden.has(names[i])));
	for (const chart of charts) if (!chart.current || !shown(chart.current)) stop(chart, chart.groups.flat().find(shown));
	close();
};
const only = name => names.forEach(n => n === name ? hidden.delete(n) : hidden.add(n));
const swatch = name => {
	const its = `figure svg [data-series="${CSS.escape(name)}"]`, svg = make("svg", {class: "fig swatch", viewBox: "0 0 16 16", "aria-hidden": true});
	const all = c => [...document.querySelectorAll(its + c + "," + its + " " + c)];
	const e = [".mark:not(.bad,.open)", ".line", ".mark"].map(c => all(c)[0]).find(e => e), colour = e => e.getAttribute("class").match(/c\d/)?.[0];
	if (all(".mark").some(other => colour(other) && colour(other) !== colour(e))) return ""; // colours stand for verdicts
	if (e) svg.append(make("path", {class: e.getAttribute("class"),
		d: e.matches(".line") ? "M0 8H16" : "M8 8" + e.getAttribute("d").replace(/^[^m]*|M[^m]*m-1.5.*$/g, "")}));
	return svg;
};
const buttons = names.map(name => {
	const b = make("button", {type: "button", title: "Hide or show in all figures. Double click, or Alt or Shift and click: show only this."},
		swatch(name), name);
	b.onclick = e => {
		if (e.altKey || e.shiftKey) only(name);
		else if (!hidden.delete(name)) hidden.add(name);
		update();
	};
	b.ondblclick = () => {
		only(name);
		update();
	};
	return b;
});

// The tooltip, which screen readers announce, and the ring around its mark.
const tip = make("div", {id: "tip", role: "status"}), ring = make("rect", {class: "ring", rx: 3});
const line = text => make("div", {}, text);
const describe = mark => {
	const [titles, ...rows] = table(mark.closest("figure")), {series, variant, x, y, note} = mark.dataset;
	const values = (row, from) => row.map((cell, i) => i >= from && cell && (titles[i] === "note" ? cell : titles[i] + ": " + cell)).filter(text => text);
	if (mark.matches(".hit")) { // all lines at x. The title of a row is a name, or a name and a variant
		const off = title => hidden.has(names.filter(n => title === n || title.startsWith(n + ", ")).sort((a, b) => b.length - a.length)[0]);
		return [make("b", {}, titles[1] + ": " + x),
			...rows.filter(row => row[1] === x && !off(row[0])).map(row => line([row[0], ...values(row, 2)].join(" · ")))];
	}
	const title = series + (variant ? ", " + variant : ""), same = rows.filter(row => row[0] === title && row[1] === x);
	return [make("b", {}, title), ...values(same.find(row => row.includes(y)) || [title, x, y, note], 1).map(line)];
};
const close = () => {
	tip.replaceChildren();
	tip.style.left = tip.style.top = "";
	ring.remove();
};
const open = (mark, pointer) => {
	close();
	const box = mark.getBBox(), hit = mark.matches(".hit"), room = hit ? 0 : 4, [x, center] = middle(mark), y = hit && pointer ? pointer : center;
	const at = {x: box.x - room, y: box.y - room, width: box.width + 2 * room, height: box.height + 2 * room};
	for (const key in at) ring.setAttribute(key, at[key]);
	mark.ownerSVGElement.append(ring);
	tip.append(...describe(mark));
	const place = (at, size, end) => at + 14 + size < end ? at + 14 : Math.max(4, at - 14 - size);
	tip.style.left = scrollX + place(x, tip.offsetWidth, document.documentElement.clientWidth) + "px";
	tip.style.top = scrollY + place(y, tip.offsetHeight, innerHeight) + "px";
};

// An SVG is one tab stop: the mark that had the focus last. Arrow keys move along its line and to other lines.
const stop = (chart, mark) => {
	if (chart.current) chart.current.removeAttribute("tabindex");
	chart.current = mark;
	if (mark) mark.setAttribute("tabindex", 0);
};
const keys = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
const target = (chart, key) => {
	const groups = chart.groups.map(group => group.filter(shown)).filter(group => group.length), from = chart.current;
	const at = groups.findIndex(group => group.includes(from)), group = groups[at], i = group.indexOf(from), far = mark => Math.abs(middle(mark)[0] - middle(from)[0]);
	const across = groups[at + {ArrowUp: -1, ArrowDown: 1}[key]];
	return across ? across.reduce((a, b) => far(b) < far(a) ? b : a) : {ArrowLeft: group[i - 1], ArrowRight: group[i + 1], Home: group[0], End: group.at(-1)}[key];
};
const charts = svgs.map(svg => {
	const chart = {groups: []}; // the marks of each line
	for (const mark of svg.querySelectorAll("[data-x]")) {
		const {series, variant, x} = mark.dataset;
		mark.setAttribute("role", "img");
		mark.setAttribute("aria-label", series || x);
		let before = mark.previousElementSibling;
		while (before && !("x" in before.dataset) && before.dataset.series === series) before = before.previousElementSibling;
		const joins = before && "x" in before.dataset && before.dataset.series === series && before.dataset.variant === variant;
		joins ? chart.groups.at(-1).push(mark) : chart.groups.push([mark]);
	}
	svg.setAttribute("role", "group");
	svg.setAttribute("aria-roledescription", "figure");
	svg.onkeydown = e => {
		if (!keys.includes(e.key) || e.altKey || e.ctrlKey || e.metaKey) return;
		e.preventDefault();
		const mark = target(chart, e.key);
		if (!mark) return;
		stop(chart, mark);
		mark.focus();
	};
	svg.onpointermove = svg.onpointerdown = e => {
		let best = e.target.closest(".hit"), least = 24; // pixels
		if (!best) for (const mark of chart.groups.flat()) {
			const [x, y] = middle(mark), far = Math.hypot(x - e.clientX, y - e.clientY);
			if (far < least && shown(mark)) [best, least] = [mark, far];
		}
		best ? open(best, e.clientY) : close();
	};
	svg.onpointerleave = e => e.pointerType === "mouse" && close();
	return chart;
});
// An SVG that listens to the focus itself would be a tab stop in Chromium.
document.addEventListener("focusin", e => e.target.matches("figure svg [data-x]") && open(e.target));
document.addEventListener("focusout", close);
document.addEventListener("keydown", e => e.key === "Escape" && close());
document.addEventListener("pointerdown", e => e.target.closest("figure svg") || close());
addEventListener("resize", close);

document.body.append(tip);
if (names.length > 1) {
	const all = make("button", {type: "button"}, "Show all");
	all.onclick = () => {
		hidden.clear();
		update();
	};
	const bar = make("div", {role: "group", "aria-label": "Shown in all figures", class: "bar"}, ...buttons, all);
	const many = names.length > 12 && make("details", {class: "bars"}, make("summary", {}, "Choose what the figures show"), bar);
	svgs[0].closest("figure").before(many || bar);
}
update();
})();
