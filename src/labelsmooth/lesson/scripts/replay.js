// Recorded trainings: drag through the epochs, hard and smoothed side by side.
(() => {
  const { one, all, draw, fixed, signed } = Page;
  const root = one('#replay');
  const runs = Page.data('ls-recordings');
  const slider = one('#ls-epoch');
  const state = { run: Object.keys(runs)[0], at: 0, timer: null };
  const METHODS = ['hard', 'smooth'];

  const line = (x1, y1, x2, y2, kind) => draw('line', { x1, y1, x2, y2, class: kind });
  const text = (words, x, y, anchor = 'middle', kind = 'ls-tick') => draw('text', { x, y, 'text-anchor': anchor, class: kind }, words);

  // the bins of one model: bars are accuracies, dots stand at the mean confidence, rows underneath
  function reliability(track, at, method, wide) {
    const [left, right, top, base, foot] = [40, wide - 10, 14, 0.7 * wide, 0.7 * wide + 66];
    const x = (v) => left + (right - left) * v;
    const y = (v) => base - (base - top) * v;
    const counts = track.count[at], most = Math.max(...counts), width = 1 / counts.length;
    const parts = [0, 0.25, 0.5, 0.75, 1].flatMap((v) => [line(left, y(v), right, y(v), 'ls-grid'), text(String(v), left - 7, y(v) + 4, 'end'), text(String(v), x(v), foot + 16)]);
    parts.push(line(x(0), y(0), x(1), y(1), 'ls-diagonal'), line(left, foot, right, foot, 'ls-axis'));
    counts.forEach((count, b) => {
      if (!count) return;
      const accuracy = track.bin_accuracy[at][b], confidence = track.bin_confidence[at][b];
      const few = count < 10 ? ' ls-few' : '';
      const from = x(b * width) + 1, wide = (right - left) * width - 2;
      parts.push(draw('rect', { x: from, y: y(accuracy), width: wide, height: base - y(accuracy), class: `ls-bar-${method}${few}` }),
        line(from, y(accuracy), from + wide, y(accuracy), `ls-edge-${method}${few}`),
        line(x(confidence), y(accuracy), x(confidence), y(confidence), `ls-stem${few}`),
        draw('circle', { cx: x(confidence), cy: y(accuracy), r: 3.5, class: `ls-dot-${method}${few}` }),
        draw('rect', { x: from, y: foot - (50 * count) / most, width: wide, height: (50 * count) / most, class: `ls-fill-${method}` }));
    });
    parts.push(text('accuracy', left, 8, 'start', 'ls-axis-name'), text('confidence', right, foot + 31, 'end', 'ls-axis-name'));
    const gap = signed(track.confidence[at] - track.accuracy[at]);
    const words = `Reliability diagram: confidence ${fixed(track.confidence[at])}, accuracy ${fixed(track.accuracy[at])}, signed gap ${gap}`;
    return draw('svg', { viewBox: `0 0 ${wide} ${foot + 34}`, role: 'img', 'aria-label': words, class: 'ls-figure' }, ...parts);
  }

  function niceTicks(low, high) {
    const raw = (high - low) / 4, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw);
    const ticks = [];
    for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + 1e-9; tick += step) ticks.push(Number(tick.toPrecision(12)));
    return ticks;
  }

  function curves(run, figure, theory, zoom, wide) {
    const [left, right, top, base] = [40, wide - 10, 12, 150];
    const tracks = METHODS.map((method) => figure(run.methods[method]));
    const marks = Object.values(theory || {});
    const every = [...tracks.flat(), ...marks];
    const least = Math.min(...every), high = Math.max(...every) * (zoom ? 1.01 : 1.04);
    const low = zoom ? Math.floor(10 * least - 0.5) / 10 : Math.min(0, least);
    const last = run.epoch[run.epoch.length - 1];
    const x = (epoch) => left + ((right - left) * (epoch - run.epoch[0])) / (last - run.epoch[0]);
    const y = (value) => base - ((base - top) * (value - low)) / (high - low || 1);
    const parts = niceTicks(low, high).flatMap((v) => [line(left, y(v), right, y(v), v === low ? 'ls-axis' : 'ls-grid'), text(String(v).replace('-', '−'), left - 7, y(v) + 4, 'end')]);
    parts.push(text(String(run.epoch[0]), left, base + 17), text(String(last), right, base + 17, 'end'), text('epoch', (left + right) / 2, base + 17, 'middle', 'ls-axis-name'));
    for (const mark of marks) parts.push(line(left, y(mark), right, y(mark), 'ls-theory'));
    METHODS.forEach((method, m) => parts.push(draw('polyline', { points: tracks[m].map((v, i) => `${x(run.epoch[i]).toFixed(1)},${y(v).toFixed(1)}`).join(' '), class: `ls-trace ls-trace-${method}` })));
    parts.push(line(x(run.epoch[state.at]), top, x(run.epoch[state.at]), base, 'ls-reference ls-dashed'));
    METHODS.forEach((method, m) => parts.push(draw('circle', { cx: x(run.epoch[state.at]), cy: y(tracks[m][state.at]), r: 4, class: `ls-dot-${method}` })));
    return draw('svg', { viewBox: `0 0 ${wide} 172`, 'aria-hidden': 'true', class: 'ls-figure' }, ...parts);
  }

  const CURVES = {
    accuracy: (m) => m.accuracy, confidence: (m) => m.confidence, ece: (m) => m.ece, nll: (m) => m.nll,
    nll_after: (m) => m.nll_after, gap: (m) => m.gap,
  };

  function showMethod(method, run) {
    const track = run.methods[method], at = state.at, part = one(`[data-method=${method}]`, root);
    one('.ls-reliability', part).replaceChildren(reliability(track, at, method, Page.room(one('.ls-reliability', part), 260, 416)));
    const values = {
      accuracy: fixed(track.accuracy[at]), train: fixed(track.train_accuracy[at]), confidence: fixed(track.confidence[at]),
      signed: signed(track.confidence[at] - track.accuracy[at]), ece: fixed(track.ece[at]), null: fixed(track.ece_null[at]),
      nll: fixed(track.nll[at]), after: fixed(track.nll_after[at]), gap: fixed(track.gap[at], 2),
      truth: track.true_error ? fixed(track.true_error[at]) : '',
    };
    for (const [name, value] of Object.entries(values)) one(`[data-value=${name}]`, part).textContent = value;
    one('.ls-truth', part).hidden = !track.true_error;
  }

  function show() {
    const run = runs[state.run];
    for (const method of METHODS) showMethod(method, run);
    for (const figure of all('[data-curve]', root)) {
      const name = figure.dataset.curve;
      const place = one('.ls-picture', figure), theory = name === 'gap' ? { best: run.best_gap } : null;
      place.replaceChildren(curves(run, CURVES[name], theory, name === 'accuracy', Page.room(place, 240, 480)));
    }
    one('[data-show=epoch]', root).textContent = run.epoch[state.at];
    one('[data-show=last]', root).textContent = run.epoch[run.epoch.length - 1];
    slider.value = state.at;
    slider.setAttribute('aria-valuetext', `epoch ${run.epoch[state.at]}`);
  }

  function open(name) {
    stop();
    state.run = name;
    slider.max = runs[name].epoch.length - 1;
    state.at = runs[name].epoch.length - 1;
    Page.choose(all('[data-run]', root), one(`[data-run=${name}]`, root));
    for (const note of all('[data-note]', root)) note.hidden = note.dataset.note !== name;
    show();
  }

  function stop() {
    clearInterval(state.timer);
    state.timer = null;
    one('#ls-play').textContent = 'Play';
  }

  function play() {
    if (state.timer) return stop();
    const length = runs[state.run].epoch.length;
    if (state.at === length - 1) state.at = 0;
    one('#ls-play').textContent = 'Pause';
    state.timer = setInterval(() => {
      state.at += 1;
      show();
      if (state.at === length - 1) stop();
    }, Math.max(60, 4000 / length));
    return show();
  }

  slider.addEventListener('input', () => {
    stop();
    state.at = Number(slider.value);
    show();
  });
  one('#ls-play').addEventListener('click', play);
  for (const button of all('[data-run]', root)) button.addEventListener('click', () => open(button.dataset.run));
  Page.onResize(show);
  open(state.run);
})();
