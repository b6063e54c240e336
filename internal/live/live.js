"use strict";
(function () {
	const get = id => document.getElementById(id);
	const rows = get("rows"), blank = get("row").content.querySelector("tr");
	const set = (node, text) => { if (node.textContent !== text) node.textContent = text; };

	function show(state) {
		set(get("state"), state.status);
		set(get("scenario"), state.scenario);
		set(get("doing"), state.doing);
		set(get("progress-text"), state.progress);
		get("progress").max = Math.max(1, state.all);
		get("progress").value = state.done;
		get("lines").classList.toggle("open-loop", state.open);
		const list = state.rows || [];
		while (rows.rows.length > list.length) rows.deleteRow(-1);
		while (rows.rows.length < list.length) rows.appendChild(blank.cloneNode(true));
		list.forEach((of, i) => {
			const tr = rows.rows[i];
			tr.classList.toggle("running", of.running);
			of.cells.forEach((text, j) => set(tr.cells[j], text));
			tr.querySelector("polyline").setAttribute("points", of.spark);
		});
	}

	// The browser connects again by itself, unless the server has refused.
	function connect() {
		const events = new EventSource("/events");
		events.onmessage = event => {
			const state = JSON.parse(event.data);
			if (state.ended || state.over) events.close();
			if (state.ended) location.reload();
			else show(state);
		};
		events.onerror = () => {
			set(get("state"), "The connection is lost; connecting again");
			if (events.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
		};
	}
	connect();
})();
