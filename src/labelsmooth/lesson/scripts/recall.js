// Open recall: write first, then open the list of concepts and tick what was there.
(() => {
  const { one, all } = Page;
  const ticked = Page.remembered('recall');
  for (const prompt of all('.ls-prompt')) {
    const boxes = all('input', prompt);
    prompt.classList.add('ls-closed');
    const count = () => {
      one('.ls-ticked', prompt).textContent = `${boxes.filter((box) => box.checked).length} of ${boxes.length}`;
    };
    for (const box of boxes) {
      box.checked = Boolean(ticked[box.id]);
      box.addEventListener('change', () => {
        ticked[box.id] = box.checked;
        Page.remember('recall', ticked);
        count();
      });
    }
    one('button', prompt).addEventListener('click', () => {
      prompt.classList.remove('ls-closed');
      boxes[0].focus();
    });
    count();
  }
})();
