// The machine: logits, ε, number of classes and convention in; target, loss, gradient, floor and best gap out.
(() => {
  const { one, all, make, draw, fixed, signed } = Page;
  const root = one('#machine');
  const { names, presets } = Page.data('ls-machine');
  const state = { classes: 5, label: 0, amount: 0.1, convention: 'uniform', logits: [3, 1, 0.5, 0, -0.5, 0, 0, 0, 0, 0] };
  const rows = names.map(makeRow);
  const body = one('.ls-rows', root);
  body.append(...rows.map((row) => row.element));

  function makeRow(name, k) {
    const pick = make('input', { type: 'radio', name: 'ls-label', value: k, id: `ls-label-${k}` });
    const slider = make('input', { type: 'range', min: -10, max: 10, step: 0.1, 'aria-label': `Logit of ${name}` });
    const value = make('output', { class: 'ls-number' });
    const bar = (kind) => make('span', { class: `ls-bar ls-bar-${kind}` });
    const parts = { p: bar('p'), q: bar('q'), g: bar('g') };
    const texts = { p: make('span', { class: 'ls-number' }), q: make('span', { class: 'ls-number' }), g: make('span', { class: 'ls-number' }) };
    pick.addEventListener('change', () => update({ label: k }));
    slider.addEventListener('input', () => {
      state.logits[k] = Number(slider.value);
      update({});
    });
    const track = (kind) => make('span', { class: `ls-track ls-track-${kind}`, 'aria-hidden': 'true' }, parts[kind]);
    const element = make('div', { class: 'ls-row', role: 'group', 'aria-label': name },
      make('label', { class: 'ls-pick', for: `ls-label-${k}` }, pick, make('span', {}, name)),
      make('span', { class: 'ls-logit' }, slider, value),
      make('span', { class: 'ls-pair' }, track('q'), texts.q, track('p'), texts.p),
      make('span', { class: 'ls-grad' }, track('g'), texts.g));
    return { element, pick, slider, value, parts, texts };
  }

  function showRow(row, k, seen) {
    row.element.hidden = k >= state.classes;
    row.element.classList.toggle('ls-true', k === state.label);
    row.pick.checked = k === state.label;
    row.slider.value = state.logits[k];
    row.value.textContent = fixed(state.logits[k], 1);
    if (k >= state.classes) return;
    row.parts.q.style.width = 100 * seen.q[k] + '%';
    row.parts.p.style.width = 100 * seen.p[k] + '%';
    const slope = seen.gradient[k];
    row.parts.g.style.width = 50 * Math.abs(slope) + '%';
    row.parts.g.style.left = (slope < 0 ? 50 + 50 * slope : 50) + '%';
    row.parts.g.classList.toggle('ls-up', slope < 0);
    row.texts.q.textContent = fixed(seen.q[k]);
    row.texts.p.textContent = fixed(seen.p[k]);
    row.texts.g.textContent = signed(slope);
  }

  function showLoss(seen) {
    const end = 1.08 * Math.max(seen.hard, seen.loss, seen.floor, 0.5);
    const place = (bar, from, to) => {
      bar.style.left = (100 * Math.min(from, to)) / end + '%';
      bar.style.width = (100 * Math.abs(to - from)) / end + '%';
    };
    place(one('.ls-part-hard', root), 0, seen.hard);
    place(one('.ls-part-pull', root), seen.hard, seen.loss);
    one('.ls-part-pull', root).classList.toggle('ls-discount', seen.pull < 0);
    one('.ls-part-floor', root).style.left = (100 * seen.floor) / end + '%';
    one('.ls-part-end', root).style.left = (100 * seen.loss) / end + '%';
    for (const name of ['hard', 'loss', 'floor', 'excess']) one(`[data-show=${name}]`, root).textContent = fixed(seen[name]);
    one('[data-show=pull]', root).textContent = signed(seen.pull);
  }

  function showConventions() {
    const { classes, label, amount } = state;
    for (const convention of ['uniform', 'others']) {
      const q = Arithmetic.target(classes, label, amount, convention);
      const other = label === 0 ? 1 : 0;
      one(`[data-show=${convention}-true]`, root).textContent = fixed(q[label], 4);
      one(`[data-show=${convention}-other]`, root).textContent = fixed(q[other], 4);
    }
    const uniform = Arithmetic.toUniform(amount, classes);
    one('[data-show=to-uniform]', root).textContent = uniform <= 1 ? `uniform ε = ${fixed(uniform, 4)}` : 'no uniform ε: it would be above 1';
    one('[data-show=to-others]', root).textContent = `others ε = ${fixed(Arithmetic.toOthers(amount, classes), 4)}`;
  }

  function showGap() {
    const best = Arithmetic.bestGap(state.classes, state.amount, state.convention);
    const now = Arithmetic.gap(state.logits.slice(0, state.classes), state.label);
    one('[data-show=best-gap]', root).textContent = fixed(best, 2);
    one('[data-show=gap]', root).textContent = fixed(now, 2);
    one('.ls-curve-figure', root).replaceChildren(curve(now, best));
  }

  // the loss as the true logit leads all others by the same gap
  function curve(now, best) {
    const low = -4, high = 12, top = 6, wide = Page.room(one('.ls-curve-figure', root), 260, 560);
    const x = (gap) => 34 + ((wide - 44) * (gap - low)) / (high - low);
    const y = (loss) => 176 - (156 * Math.min(loss, top)) / top;
    const at = (gap, amount) => {
      const z = Array.from({ length: state.classes }, (_, k) => (k === 0 ? gap : 0));
      return Arithmetic.split(z, 0, amount, state.convention).loss;
    };
    const path = (amount) => Array.from({ length: 81 }, (_, i) => low + (i * (high - low)) / 80)
      .map((gap) => [gap, at(gap, amount)]).filter(([, loss]) => loss <= top)
      .map(([gap, loss], i) => `${i ? 'L' : 'M'}${x(gap).toFixed(1)} ${y(loss).toFixed(1)}`).join('');
    const text = (words, px, py, anchor = 'middle') => draw('text', { x: px, y: py, 'text-anchor': anchor }, words);
    const ticks = [-4, 0, 4, 8, 12].map((gap) => text(fixed(gap, 0), x(gap), 194));
    const levels = [0, 2, 4, 6].flatMap((loss) => [draw('line', { x1: 34, x2: wide - 10, y1: y(loss), y2: y(loss), class: 'ls-grid' }), text(String(loss), 26, y(loss) + 4, 'end')]);
    const seen = Math.max(low, Math.min(high, now));
    const parts = [...levels, ...ticks, text('lead of the true logit', wide - 10, 213, 'end'), text('loss', 26, 2, 'end'),
      draw('line', { x1: x(seen), x2: x(seen), y1: 20, y2: 176, class: 'ls-reference ls-dashed' }),
      draw('path', { d: path(0), class: 'ls-trace ls-trace-hard' }), draw('path', { d: path(state.amount), class: 'ls-trace ls-trace-smooth' })];
    if (best >= low && best <= high) parts.push(draw('circle', { cx: x(best), cy: y(at(best, state.amount)), r: 5, class: 'ls-dot-smooth' }));
    const words = `Loss against the lead of the true logit; the smoothed loss is lowest at ${fixed(best, 2)}; the lead is now ${fixed(now, 2)}`;
    return draw('svg', { viewBox: `0 0 ${wide} 218`, role: 'img', 'aria-label': words, class: 'ls-figure' }, ...parts);
  }

  function say(seen) {
    const best = Arithmetic.bestGap(state.classes, state.amount, state.convention);
    const slope = seen.gradient[state.label];
    const way = Math.abs(slope) < 0.0005 ? 'leaves the true logit where it is' : slope < 0 ? 'raises the true logit' : 'lowers the true logit';
    const fine = Math.abs(seen.pull) < 0.0005 ? 'Smoothing changes nothing on this row'
      : seen.pull > 0 ? 'Smoothing raises this loss: the true logit is above the background’s'
        : 'Smoothing lowers this loss: the true logit is below the background’s';
    one('.ls-said', root).textContent = `${fine}. The next step of descent ${way}${state.amount > 0 ? `, towards a lead of ${fixed(best, 2)}` : ', without end'}.`;
  }

  function update(change) {
    Object.assign(state, change);
    if (state.label >= state.classes) state.label = 0;
    const seen = Arithmetic.split(state.logits.slice(0, state.classes), state.label, state.amount, state.convention);
    rows.forEach((row, k) => showRow(row, k, seen));
    showLoss(seen);
    showConventions();
    showGap();
    say(seen);
    one('#ls-amount', root).value = state.amount;
    one('#ls-classes', root).value = state.classes;
    one('[data-show=amount]', root).textContent = fixed(state.amount, 2);
    one('[data-show=classes]', root).textContent = state.classes;
  }

  function preset(name) {
    const wanted = presets[name];
    const spread = wanted === 'best' ? optimum() : wanted;
    update({ logits: state.logits.map((_, k) => spread[Math.min(k, spread.length - 1)]), label: 0 });
  }

  function optimum() {
    const best = Arithmetic.bestGap(state.classes, state.amount, state.convention);
    return [Math.min(10, best), 0];
  }

  one('#ls-amount', root).addEventListener('input', (event) => update({ amount: Number(event.target.value) }));
  one('#ls-classes', root).addEventListener('input', (event) => update({ classes: Number(event.target.value) }));
  for (const radio of all('input[name=ls-convention]', root)) radio.addEventListener('change', () => update({ convention: radio.value }));
  for (const button of all('[data-preset]', root)) button.addEventListener('click', () => preset(button.dataset.preset));
  Page.onResize(() => update({}));
  update({});
})();
