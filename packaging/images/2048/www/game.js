"use strict";

// 2048. The rules are pure functions over a list of 16 tiles or nulls; the page below draws them.

const SIDE = 4;
const GOAL = 2048;
const SAVED = "stadion-2048";

/** The board's indices, line by line, each from the wall that the tiles move towards. */
function lines(direction) {
  const result = [];
  for (let n = 0; n < SIDE; n++) {
    const line = [];
    for (let k = 0; k < SIDE; k++) {
      const along = direction === "left" || direction === "up" ? k : SIDE - 1 - k;
      const across = direction === "left" || direction === "right";
      line.push(across ? n * SIDE + along : along * SIDE + n);
    }
    result.push(line);
  }
  return result;
}

/** What a move makes of a board: the new board, points, whether anything moved, what was joined. */
function slide(board, direction) {
  const next = new Array(SIDE * SIDE).fill(null);
  const gone = [];
  let points = 0;
  let moved = false;
  for (const line of lines(direction)) {
    let place = 0;
    let last = null; // the tile put down last, as long as it may still be joined
    for (const index of line) {
      const tile = board[index];
      if (!tile) {
        continue;
      }
      if (last && last.value === tile.value) {
        const at = line[place - 1];
        const joined = { id: tile.id, value: tile.value * 2, joined: true };
        gone.push({ id: last.id, value: last.value, at });
        gone.push({ id: tile.id, value: tile.value, at });
        next[at] = joined;
        points += joined.value;
        moved = true;
        last = null;
      } else {
        const at = line[place++];
        next[at] = { id: tile.id, value: tile.value };
        moved = moved || at !== index;
        last = next[at];
      }
    }
  }
  return { board: next, points, moved, gone };
}

function canMove(board) {
  return ["left", "up", "right", "down"].some((direction) => slide(board, direction).moved);
}

/** A 2 or, one time in ten, a 4 on a free cell. */
function addTile(board, id, random) {
  const free = board.flatMap((tile, index) => (tile ? [] : [index]));
  const at = free[Math.floor(random() * free.length)];
  board[at] = { id, value: random() < 0.9 ? 2 : 4, fresh: true };
}

class Game {
  constructor(saved) {
    this.best = saved?.best ?? 0;
    this.undo = null;
    if (saved?.board) {
      this.nextId = 1;
      this.board = saved.board.map((value) => (value ? { id: this.nextId++, value } : null));
      this.score = saved.score;
      this.wonBefore = saved.wonBefore;
    } else {
      this.restart();
    }
  }

  restart() {
    this.board = new Array(SIDE * SIDE).fill(null);
    this.nextId = 1;
    this.score = 0;
    this.wonBefore = false; // the goal was reached and the player went on
    this.undo = null;
    addTile(this.board, this.nextId++, Math.random);
    addTile(this.board, this.nextId++, Math.random);
  }

  get won() {
    return !this.wonBefore && this.board.some((tile) => tile && tile.value >= GOAL);
  }

  get lost() {
    return !canMove(this.board);
  }

  move(direction) {
    if (this.won || this.lost) {
      return null;
    }
    const result = slide(this.board, direction);
    if (!result.moved) {
      return null;
    }
    this.undo = { board: this.board.map((tile) => tile && tile.value), score: this.score };
    this.board = result.board;
    // Joined tiles get a name of their own, so that the two halves can be drawn moving under it.
    for (const tile of this.board) {
      if (tile?.joined) {
        tile.id = this.nextId++;
      }
    }
    this.score += result.points;
    this.best = Math.max(this.best, this.score);
    addTile(this.board, this.nextId++, Math.random);
    return result;
  }

  takeBack() {
    if (!this.undo) {
      return false;
    }
    this.board = this.undo.board.map((value) => (value ? { id: this.nextId++, value } : null));
    this.score = this.undo.score;
    this.undo = null;
    return true;
  }

  toJSON() {
    return {
      board: this.board.map((tile) => (tile ? tile.value : 0)),
      score: this.score,
      best: this.best,
      wonBefore: this.wonBefore,
    };
  }
}

/** What was saved, if it is a game and not something that got there otherwise. */
function load() {
  try {
    const saved = JSON.parse(localStorage.getItem(SAVED));
    const power = (value) => value === 0 || (value >= 2 && Number.isInteger(Math.log2(value)));
    const sound = Array.isArray(saved.board) && saved.board.length === SIDE * SIDE &&
      saved.board.every(power) && saved.board.some(Boolean) &&
      Number.isSafeInteger(saved.score) && Number.isSafeInteger(saved.best);
    return sound ? saved : null;
  } catch {
    return null;
  }
}

function save(game) {
  try {
    localStorage.setItem(SAVED, JSON.stringify(game));
  } catch {
    // Private windows may refuse storage; the game goes on without it.
  }
}

function byId(id) {
  return document.getElementById(id);
}

class Page {
  constructor(game) {
    this.game = game;
    this.elements = new Map(); // tile id -> element
    for (let n = 0; n < SIDE * SIDE; n++) {
      byId("cells").append(document.createElement("i"));
    }
    this.listen();
    this.draw(null);
  }

  listen() {
    const keys = {
      ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down",
      a: "left", d: "right", w: "up", s: "down",
    };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) {
        return;
      }
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (keys[key]) {
        event.preventDefault();
        this.move(keys[key]);
      } else if (key === "r") {
        this.restart();
      } else if (key === "u" && this.game.takeBack()) {
        this.draw(null);
      }
    });
    byId("restart").addEventListener("click", () => this.restart());
    byId("again").addEventListener("click", () => this.restart());
    byId("onward").addEventListener("click", () => {
      this.game.wonBefore = true;
      this.draw(null);
    });
    this.listenToSwipes();
  }

  listenToSwipes() {
    let start = null;
    const board = byId("board");
    board.addEventListener("pointerdown", (event) => {
      if (event.isPrimary && !event.target.closest("button")) {
        start = { x: event.clientX, y: event.clientY };
        board.setPointerCapture(event.pointerId);
      }
    });
    // The move happens as soon as the finger has gone far enough: no waiting for its lift.
    board.addEventListener("pointermove", (event) => {
      if (!start || !event.isPrimary) {
        return;
      }
      const x = event.clientX - start.x;
      const y = event.clientY - start.y;
      if (Math.max(Math.abs(x), Math.abs(y)) < 24) {
        return;
      }
      start = null;
      if (Math.abs(x) > Math.abs(y)) {
        this.move(x > 0 ? "right" : "left");
      } else {
        this.move(y > 0 ? "down" : "up");
      }
    });
    for (const end of ["pointerup", "pointercancel"]) {
      board.addEventListener(end, () => { start = null; });
    }
  }

  move(direction) {
    const result = this.game.move(direction);
    if (result) {
      this.draw(result);
    }
  }

  restart() {
    this.game.restart();
    this.draw(null);
  }

  element(tile) {
    let element = this.elements.get(tile.id);
    if (!element) {
      element = document.createElement("div");
      element.append(document.createElement("b"));
      element.firstChild.textContent = tile.value;
      byId("tiles").append(element);
      this.elements.set(tile.id, element);
    }
    const value = tile.value > GOAL ? "more" : `v${tile.value}`;
    element.className = `tile ${value}${tile.fresh ? " fresh" : ""}${tile.joined ? " joined" : ""}`;
    return element;
  }

  put(tile, at) {
    const element = this.element(tile);
    element.style.setProperty("--x", at % SIDE);
    element.style.setProperty("--y", Math.floor(at / SIDE));
    return element;
  }

  /** `result` is the move to show; without one everything is drawn anew. */
  draw(result) {
    if (!result) {
      byId("tiles").replaceChildren();
      this.elements.clear();
    }
    const live = new Set();
    this.game.board.forEach((tile, at) => {
      if (tile) {
        live.add(tile.id);
        this.put(tile, at);
      }
    });
    for (const half of result?.gone ?? []) {
      live.add(half.id);
      const element = this.put(half, half.at);
      this.elements.delete(half.id);
      setTimeout(() => element.remove(), 150); // after it has slid under the joined tile
    }
    for (const [id, element] of this.elements) {
      if (!live.has(id)) {
        element.remove();
        this.elements.delete(id);
      }
    }
    this.drawWords();
    save(this.game);
  }

  drawWords() {
    const { score, best, won, lost } = this.game;
    byId("score").textContent = score;
    byId("best").textContent = best;
    byId("end").hidden = !won && !lost;
    byId("onward").hidden = !won;
    if (won || lost) {
      byId("verdict").textContent = won ? "You made 2048!" : "No move is left";
      byId("spoken").textContent = `${byId("verdict").textContent} Score ${score}.`;
    } else {
      byId("spoken").textContent = `Score ${score}`;
    }
  }
}

// The page plays; a test may load this file for its rules alone.
if (typeof document !== "undefined") {
  new Page(new Game(load()));
} else if (typeof module !== "undefined") {
  module.exports = { slide, canMove, addTile, Game };
}
