// Which picture one is at, and which are chosen: by arrows, mouse, finger and Tab.
class Selection {
  at = ""; anchor = ""; chosen = new Set(); explicit = false;

  constructor(labeler) {
    this.labeler = labeler;
  }

  go(id, { focus = false, keep = false, explicit = false } = {}) {
    if (!id) { this.at = ""; this.chosen = new Set(); return; }
    const { tab, groups, tiles, store, single, find } = this.labeler;
    this.at = id;
    this.explicit = explicit;
    if (!keep) {
      this.anchor = id;
      const group = tab === "alike" && !explicit && groups.find(({ ids }) => ids.includes(id));
      this.chosen = new Set(group ? group.ids.filter((one) => !store.label(one)) : [id]);
    }
    const one = tiles.find(({ dataset }) => dataset.id === id);
    if (focus && one) {
      this.moving = true;
      one.tabIndex = 0;
      one.focus({ preventScroll: true });
      this.moving = false;
    }
    if (!single) {
      one?.scrollIntoView({ block: "nearest" });
      if (one && one.offsetTop === tiles[0].offsetTop) find(".head").scrollIntoView({ block: "nearest" });
      return;
    }
    find(".large").scrollIntoView({ block: "nearest" });
    if (one) one.parentElement.scrollLeft = one.offsetLeft - one.parentElement.offsetLeft - one.parentElement.clientWidth / 2 + one.clientWidth / 2;
  }
  focus() {
    this.go(this.at, { focus: true, keep: true });
  }
  atKeyboard(target) { // came by Tab
    const id = target.dataset?.id;
    if (!id || this.moving || id === this.at) return;
    this.go(id, { keep: this.chosen.has(id) });
  }
  move(way, extend) {
    const on = this.labeler.tiles, place = on.findIndex(({ dataset }) => dataset.id === this.at);
    if (place < 0) return;
    let next = typeof way === "number" ? place + way : way === "first" ? 0 : way === "last" ? on.length - 1 : this.beside(place, way === "down" ? 1 : -1);
    next = Math.min(Math.max(next, 0), on.length - 1);
    const id = on[next].dataset.id, vertical = way === "up" || way === "down";
    this.go(id, { focus: true, keep: extend, explicit: !(this.labeler.tab === "alike" && vertical) });
    if (extend) this.extend(id);
    this.labeler.update();
  }
  beside(place, rows) { // the picture above or below, in the next group as well; the next group of look-alikes
    const { tiles: on, tab, single } = this.labeler, here = on[place];
    if (tab === "alike") {
      const lists = [...new Set(on.map((one) => one.parentElement))], at = lists.indexOf(here.parentElement) + rows;
      return lists[at] ? on.indexOf(lists[at].firstChild) : place;
    }
    if (single) return place + rows;
    const box = here.getBoundingClientRect(), middle = box.left + box.width / 2;
    const others = on.map((one, i) => [one.getBoundingClientRect(), i])
      .filter(([one]) => (rows > 0 ? one.top > box.top + 4 : one.top < box.top - 4));
    const distance = ([one]) => 10 * Math.abs(one.top - box.top) + Math.abs(one.left + one.width / 2 - middle);
    others.sort((one, other) => distance(one) - distance(other));
    return others[0]?.[1] ?? place;
  }
  extend(id) {
    const flat = this.labeler.tiles.map((one) => one.dataset.id), [from, to] = [flat.indexOf(this.anchor), flat.indexOf(id)].sort((a, b) => a - b);
    this.chosen = new Set(flat.slice(Math.max(from, 0), to + 1));
  }
  follow() { // an undone picture that is here is looked at again; after one that is done again, the next
    const { flat, store } = this.labeler, label = (id) => store.label(id);
    const back = this.undone && flat.find((id) => (this.undone.get(id) ?? "") !== label(id));
    if (!back) return;
    this.undone = null;
    this.go((label(back) && flat.find((id) => !label(id))) || back, { focus: true });
  }
  click(event) {
    const one = event.target.closest("[role=option]");
    if (!one) return;
    const { id } = one.dataset, touch = event.pointerType === "touch";
    if (event.shiftKey) { this.go(id, { focus: true, keep: true }); this.extend(id); }
    else if (event.ctrlKey || event.metaKey || (touch && this.explicit && !this.labeler.single)) {
      this.chosen.delete(id) && this.chosen.size || this.chosen.add(id);
      this.go(this.chosen.has(id) ? id : [...this.chosen].at(-1), { focus: true, keep: true, explicit: true });
    } else this.go(id, { focus: true, explicit: true });
    this.labeler.update();
  }
  swipes(figure) {
    let from = null;
    figure.addEventListener("touchstart", ({ touches: [one] }) => { from = one.clientX; }, { passive: true });
    figure.addEventListener("touchend", ({ changedTouches: [one] }) => {
      const way = one.clientX - from;
      if (Math.abs(way) > 50) this.move(way < 0 ? 1 : -1);
    });
  }
}
