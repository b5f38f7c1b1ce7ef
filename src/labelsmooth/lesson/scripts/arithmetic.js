// Every number that moves with a slider. Tested against the library on random settings.
const Arithmetic = (() => {
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  function logSumExp(z) {
    const top = Math.max(...z);
    return top + Math.log(sum(z.map((value) => Math.exp(value - top))));
  }

  function softmax(z) {
    const total = logSumExp(z);
    return z.map((value) => Math.exp(value - total));
  }

  function background(classes, label, convention) {
    const share = convention === 'others' ? 1 / (classes - 1) : 1 / classes;
    return Array.from({ length: classes }, (_, k) => (convention === 'others' && k === label ? 0 : share));
  }

  function target(classes, label, amount, convention) {
    return background(classes, label, convention).map((r, k) => amount * r + (k === label ? 1 - amount : 0));
  }

  const entropy = (q) => -sum(q.map((value) => (value > 0 ? value * Math.log(value) : 0)));

  const toUniform = (amount, classes) => (amount * classes) / (classes - 1);
  const toOthers = (amount, classes) => (amount * (classes - 1)) / classes;

  function bestGap(classes, amount, convention) {
    const q = target(classes, 0, amount, convention);
    return Math.log(q[0] / q[1]);
  }

  function gap(z, label) {
    const others = z.filter((_, k) => k !== label);
    return z[label] - sum(others) / others.length;
  }

  // loss = hard part + ε(z_y − ⟨r, z⟩); gradient = softmax − target
  function split(z, label, amount, convention) {
    const r = background(z.length, label, convention);
    const q = target(z.length, label, amount, convention);
    const p = softmax(z);
    const hard = logSumExp(z) - z[label];
    const pull = amount * (z[label] - sum(r.map((share, k) => share * z[k])));
    const floor = entropy(q);
    return {
      p, q, hard, pull, floor, loss: hard + pull, excess: hard + pull - floor,
      gradient: p.map((value, k) => value - q[k]),
    };
  }

  return { softmax, target, entropy, toUniform, toOthers, bestGap, gap, split };
})();
