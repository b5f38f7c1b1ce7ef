// Flash cards: one at a time; what is not known comes again, progress stays in the browser.
(() => {
  const { one, all, fixed } = Page;
  const root = one('#cards');
  const cards = all('.ls-card', root);
  const known = Page.remembered('cards');
  const state = { queue: [], level: 'all' };
  root.classList.add('ls-live');

  const current = () => state.queue[0];

  function show() {
    for (const card of cards) card.classList.toggle('ls-now', card === current());
    const open = cards.filter((card) => state.level === 'all' || card.dataset.level === state.level);
    const done = open.filter((card) => known[card.id]).length;
    one('#ls-cards-said').textContent = current() ? `${done} of ${open.length} known` : `All ${open.length} known. Take them all again, or another level.`;
    one('.ls-meter span', root).style.width = fixed((100 * done) / open.length, 1) + '%';
    for (const button of all('.ls-deal', root)) button.disabled = !current();
    if (current()) face(false);
    document.dispatchEvent(new CustomEvent('ls-progress', { detail: { part: 'cards', done: cards.filter((card) => known[card.id]).length } }));
  }

  function face(back) {
    current().classList.toggle('ls-flipped', back);
    one('#ls-flip').textContent = back ? 'Show the question' : 'Show the answer';
  }

  function deal(level) {
    state.level = level;
    state.queue = cards.filter((card) => (level === 'all' || card.dataset.level === level) && !known[card.id]);
    show();
  }

  function answer(knows) {
    const card = state.queue.shift();
    if (knows) known[card.id] = true;
    else state.queue.splice(Math.min(3, state.queue.length), 0, card);
    Page.remember('cards', known);
    show();
  }

  one('#ls-flip').addEventListener('click', () => face(!current().classList.contains('ls-flipped')));
  one('#ls-know').addEventListener('click', () => answer(true));
  one('#ls-again').addEventListener('click', () => answer(false));
  one('#ls-cards-anew').addEventListener('click', () => {
    for (const card of cards) if (state.level === 'all' || card.dataset.level === state.level) delete known[card.id];
    Page.remember('cards', known);
    deal(state.level);
  });
  for (const button of all('[data-level-choice]', root)) {
    button.addEventListener('click', () => {
      Page.choose(all('[data-level-choice]', root), button);
      deal(button.dataset.levelChoice);
    });
  }
  deal('all');
})();
