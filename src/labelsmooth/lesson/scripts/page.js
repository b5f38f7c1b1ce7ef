// What every part uses: elements, numbers as text, and a memory that may be refused (a page opened from a file).
const Page = (() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    return fill(element, attributes, children);
  }

  function draw(name, attributes = {}, ...children) {
    return fill(document.createElementNS(SVG, name), attributes, children);
  }

  function fill(element, attributes, children) {
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  function fixed(value, decimals = 3) {
    if (value === Infinity) return '∞';
    if (value === -Infinity) return '−∞';
    const text = value.toFixed(decimals);
    return /^-0\.?0*$/.test(text) ? text.slice(1) : text.replace('-', '−');
  }

  const signed = (value, decimals = 3) => (value >= 0.5 * 10 ** -decimals ? '+' : '') + fixed(value, decimals);

  function remembered(key) {
    try {
      return JSON.parse(localStorage.getItem('labelsmooth.' + key)) || {};
    } catch (refused) {
      return {};
    }
  }

  function remember(key, value) {
    try {
      localStorage.setItem('labelsmooth.' + key, JSON.stringify(value));
    } catch (refused) {
      return false;
    }
    return true;
  }

  const data = (id) => JSON.parse(document.getElementById(id).textContent);

  function choose(buttons, chosen) {
    for (const button of buttons) button.setAttribute('aria-pressed', String(button === chosen));
  }

  // figures are drawn as wide as their place, so that their text keeps its size
  const room = (place, low, high) => Math.round(Math.max(low, Math.min(high, place.clientWidth || low)));

  function onResize(redraw) {
    let waiting = false;
    addEventListener('resize', () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        redraw();
      });
    });
  }

  return { one, all, make, draw, fixed, signed, remembered, remember, data, choose, room, onResize };
})();
