"use strict";

/* Reads the API every two seconds and shows what it says. Everything that comes from there is put
   on the page as text, never as markup. */

const REFRESH_MS = 2000;

function element(name, className, text) {
	const made = document.createElement(name);
	if (className)
		made.className = className;
	if (text !== undefined)
		made.textContent = text;
	return made;
}

async function read(path) {
	const reply = await fetch(path, { headers: { Accept: "application/json" } });
	if (!reply.ok)
		throw new Error(path + " answered " + reply.status);
	return reply.json();
}

/* Marathon's words: what waits goes before what is being deployed, that before what runs. */
function appState(app, queued) {
	if (queued && queued.delay.overdue)
		return { text: "Waiting", className: "busy" };
	if (queued)
		return { text: "Delayed, " + queued.delay.timeLeftSeconds + " s", className: "busy" };
	if (app.deployments.length > 0)
		return { text: "Deploying", className: "busy" };
	if (app.instances === 0 && app.tasksRunning === 0)
		return { text: "Suspended", className: "faint" };
	if (app.tasksUnhealthy > 0)
		return { text: "Unhealthy", className: "bad" };
	return { text: "Running", className: "good" };
}

function taskHealth(app, task) {
	const checks = (app.healthChecks || []).length;
	if (checks === 0)
		return { text: "no checks", className: "faint" };
	const failed = task.healthCheckResults.find((result) => !result.alive);
	if (failed)
		return { text: "unhealthy, " + failed.consecutiveFailures + " in a row" +
			(failed.lastFailureCause ? ": " + failed.lastFailureCause : ""), className: "bad" };
	if (task.healthCheckResults.length === 0)
		return { text: "not known yet", className: "faint" };
	return { text: "healthy", className: "good" };
}

/* A host name or an IPv4 address; what else may have been put there is no link. */
function address(host, port) {
	const label = host + ":" + port;
	if (!/^[A-Za-z0-9.-]+$/.test(host) || !Number.isInteger(port))
		return element("span", "", label);
	const link = element("a", "", label);
	link.href = "http://" + label + "/";
	link.target = "_blank";
	link.rel = "noopener noreferrer";
	return link;
}

function table(titles, rows) {
	const scroll = element("div", "scroll");
	const made = element("table");
	const head = made.createTHead().insertRow();
	for (const title of titles) {
		const cell = element("th", "", title);
		cell.scope = "col";
		head.append(cell);
	}
	const body = made.createTBody();
	for (const cells of rows) {
		const row = body.insertRow();
		for (const cell of cells) {
			const place = row.insertCell();
			place.className = cell.className || "";
			if (cell.nodes)
				place.append(...cell.nodes);
			else
				place.textContent = cell.text;
		}
	}
	scroll.append(made);
	return scroll;
}

function since(time) {
	if (!time)
		return "";
	const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
	if (seconds < 120)
		return seconds + " s";
	if (seconds < 7200)
		return Math.round(seconds / 60) + " min";
	return Math.round(seconds / 3600) + " h";
}

function taskRow(app, task) {
	const ports = [];
	for (const port of task.ports) {
		if (ports.length > 0)
			ports.push(" ");
		ports.push(address(task.host, port));
	}
	return [
		ports.length > 0 ? { nodes: ports } : { text: task.host },
		{ text: task.state.replace(/^TASK_/, "").toLowerCase() },
		taskHealth(app, task),
		{ text: since(task.startedAt) },
		{ text: task.id, className: "id" },
	];
}

function appCard(app, queued, deployments) {
	const card = element("article", "card");
	const head = element("div", "head");
	const name = element("a", "name", app.id);
	const state = appState(app, queued);
	name.href = "/v2/apps" + app.id;
	head.append(name, element("span", state.className, state.text),
		element("span", "count", app.tasksRunning + " of " + app.instances + " running"));
	card.append(head);

	if (app.waitingFor)
		card.append(element("p", "note busy", "Waits: " + app.waitingFor));
	else
		for (const deployment of deployments)
			if (deployment.why && deployment.affectedApps.includes(app.id))
				card.append(element("p", "note busy", "Deployment: " + deployment.why));
	if (app.lastTaskFailure)
		card.append(element("p", "note faint", "Last failure, " +
			since(app.lastTaskFailure.timestamp) + " ago: " + app.lastTaskFailure.message));
	if (app.tasks.length > 0)
		card.append(table(["Address", "State", "Health", "Up", "Task"],
			app.tasks.map((task) => taskRow(app, task))));
	return card;
}

function hostRow(host) {
	const up = host.state === "up";
	const engine = host.engine.ready ? host.engine.name || "ready" :
		"down since " + host.engine.downSince + ": " + host.engine.problem;
	return [
		{ text: host.hostname },
		{ text: host.state, className: up ? "good" : "bad" },
		{ text: engine, className: host.engine.ready ? "" : "bad" },
		{ text: String(host.tasks) },
		{ text: host.used.cpus.toFixed(1) + " of " + host.resources.cpus.toFixed(1) },
		{ text: Math.round(host.used.mem) + " of " + Math.round(host.resources.mem) + " MB" },
	];
}

function fill(id, nodes, empty) {
	document.getElementById(id).replaceChildren(
		...(nodes.length > 0 ? nodes : [element("p", "faint", empty)]));
}

function say(text, className) {
	const place = document.getElementById("connection");
	place.className = className;
	if (place.textContent !== text) /* it is read out when it changes */
		place.textContent = text;
}

/* Somebody who is selecting text or has the keyboard on a link is not to lose it. */
function isBusy() {
	const selection = document.getSelection();
	const focus = document.activeElement;
	return (selection && !selection.isCollapsed) || (focus && focus.closest("main"));
}

async function refresh() {
	try {
		const [apps, queue, deployments, hosts] = await Promise.all([
			read("/v2/apps?embed=apps.tasks&embed=apps.lastTaskFailure&embed=why"),
			read("/v2/queue"),
			read("/v2/deployments?embed=why"),
			read("/v2/hosts"),
		]);
		const waiting = new Map(queue.queue.map((item) => [item.app.id, item]));
		say("live", "good");
		if (isBusy())
			return;
		fill("apps", apps.apps.map((app) => appCard(app, waiting.get(app.id), deployments)),
			"No app yet. POST one to /v2/apps.");
		fill("hosts", hosts.hosts.length === 0 ? [] : [table(
			["Host", "State", "Engine", "Tasks", "CPUs", "Memory"], hosts.hosts.map(hostRow))],
			"No agent has said hello yet.");
	} catch (problem) {
		say("no answer: " + problem.message, "bad");
	}
}

async function run() {
	if (!document.hidden)
		await refresh();
	setTimeout(run, REFRESH_MS);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
run();
