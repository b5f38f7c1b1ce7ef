// The map: which part one is in, and how much of the practice is done.
(() => {
  const { one, all } = Page;
  const links = all('.ls-map a');
  const parts = links.map((link) => one(link.getAttribute('href')));
  const strip = one('.ls-map ol');

  function here() {
    const line = window.innerHeight / 3;
    let place = 0;
    parts.forEach((part, i) => {
      if (part.getBoundingClientRect().top <= line) place = i;
    });
    if (window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2) place = parts.length - 1;
    links.forEach((link, i) => {
      if (i === place) link.setAttribute('aria-current', 'location');
      else link.removeAttribute('aria-current');
    });
    if (strip.scrollWidth > strip.clientWidth) strip.scrollLeft = links[place].offsetLeft - strip.clientWidth / 3;
  }

  let waiting = false;
  document.addEventListener('scroll', () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      here();
    });
  }, { passive: true });
  document.addEventListener('ls-progress', (event) => {
    const mark = one(`[data-progress=${event.detail.part}]`);
    mark.textContent = event.detail.done ? `${event.detail.done}/${mark.dataset.of}` : '';
  });
  here();
})();
