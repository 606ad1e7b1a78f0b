// ---- the choice of genre: a combobox that searches ---------------------------------------------

const plain = name => name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
const MATCHES = 60;

class GenreBox {
  constructor(app) {
    this.app = app;
    this.input = el('input', {
      id: 'genre', type: 'text', role: 'combobox', autocomplete: 'off', spellcheck: 'false', 'aria-expanded': 'false',
      'aria-controls': 'genre-list', 'aria-autocomplete': 'list',
      oninput: () => this.open(this.input.value), onfocus: () => this.input.select(), onclick: () => this.open(''),
      onkeydown: e => this.key(e), onblur: () => setTimeout(() => this.close(), 150),
    });
    this.list = el('ul', { id: 'genre-list', role: 'listbox', 'aria-label': 'Genres', hidden: true });
    this.list.addEventListener('pointerdown', e => e.preventDefault()); // keeps the focus in the box
    this.list.addEventListener('scroll', () => {
      if (this.list.scrollTop + this.list.clientHeight > this.list.scrollHeight - 80) this.showMore();
    });
    this.clear = el('button', { type: 'button', class: 'clear', 'aria-label': 'All genres', title: 'All genres',
      onclick: () => { app.choose({ genre: -1 }); this.input.focus(); this.close(); } }, '×');
    this.node = el('div', { class: 'combo' }, el('label', { for: 'genre' }, 'Genre'), el('div', { class: 'box' }, this.input, this.clear, this.list));
  }

  // The names as they are searched, made when the first search begins.
  get keys() {
    return this.plainNames ??= this.app.data.genres.map(plain);
  }

  update() {
    this.input.value = this.app.genre < 0 ? `All ${format.count(this.app.data.genres.length)} genres` : tidy(this.app.data.genres[this.app.genre]);
    this.clear.hidden = this.app.genre < 0;
  }

  // Names that begin with the words first, then those that hold them; larger genres first.
  find(words) {
    const w = plain(words.trim());
    if (!w) return [-1, ...this.keys.keys()];
    const begin = [], inside = [];
    this.keys.forEach((k, i) => { if (k.startsWith(w)) begin.push(i); else if (k.includes(w)) inside.push(i); });
    return [...begin, ...inside];
  }

  open(words) {
    this.found = this.find(words);
    this.shown = 0;
    this.list.replaceChildren();
    this.list.scrollTop = 0;
    this.active = -1;
    if (!this.found.length) this.list.append(el('li', { class: 'nothing' }, 'No genre has this in its name'));
    this.showMore();
    this.list.hidden = false;
    this.input.setAttribute('aria-expanded', 'true');
    if (words && this.found.length) this.activate(0);
    say(plural(this.found.filter(g => g >= 0).length, 'genre'));
  }

  showMore() {
    const { data } = this.app;
    for (const g of this.found.slice(this.shown, this.shown + MATCHES)) {
      const at = this.shown++;
      this.list.append(el('li', { role: 'option', id: `genre-option-${at}`, 'aria-selected': String(g === this.app.genre), onclick: () => this.take(at) },
        el('span', { class: 'name' }, g < 0 ? 'All genres' : tidy(data.genres[g])),
        el('span', { class: 'info' }, g < 0 ? '' : data.tracks[g] === undefined ? '' : plural(data.tracks[g], 'track'))));
    }
  }

  activate(i) {
    this.list.children[this.active]?.classList.remove('active');
    while (i >= this.shown && this.shown < this.found.length) this.showMore();
    this.active = Math.max(0, Math.min(i, this.found.length - 1));
    const option = this.list.children[this.active];
    option?.classList.add('active');
    option?.scrollIntoView({ block: 'nearest' });
    this.input.setAttribute('aria-activedescendant', option?.id ?? '');
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
    this.input.removeAttribute('aria-activedescendant');
    this.update();
  }

  take(i) {
    const genre = this.found[i];
    this.close();
    if (genre !== undefined) this.app.choose({ genre });
  }

  key(e) {
    const isOpen = !this.list.hidden;
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      if (!isOpen) this.open('');
      this.activate(e.key === 'ArrowDown' ? this.active + 1 : this.active - 1);
    } else if (e.key === 'PageDown' && isOpen) this.activate(this.active + 10);
    else if (e.key === 'PageUp' && isOpen) this.activate(this.active - 10);
    else if (e.key === 'Enter' && isOpen && this.active >= 0) this.take(this.active);
    else if (e.key === 'Escape') this.close();
    else return;
    e.preventDefault();
  }
}
