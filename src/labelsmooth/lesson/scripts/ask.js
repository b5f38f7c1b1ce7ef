// Questions: commit to an option, then see whether it was right. Predictions open their step, practice keeps a score.
(() => {
  const { one, all } = Page;
  const score = Page.remembered('practice');

  function chosen(question) {
    const box = one('input:checked', question);
    return box ? Number(box.value) : null;
  }

  function judge(question) {
    const pick = chosen(question), said = one('.ls-judged', question);
    if (pick === null) {
      said.textContent = 'Pick an answer first.';
      return null;
    }
    const right = pick === Number(question.dataset.answer);
    said.textContent = right ? 'Right.' : 'Not so.';
    said.className = `ls-judged ${right ? 'ls-right' : 'ls-wrong'}`;
    all('.ls-option', question).forEach((option, place) => {
      option.classList.toggle('ls-is-right', place === Number(question.dataset.answer));
      option.classList.toggle('ls-is-wrong', place === pick && !right);
    });
    question.classList.remove('ls-closed');
    return right;
  }

  function tally() {
    const open = all('#practice .ls-question').filter((question) => !question.hidden);
    const answered = open.filter((question) => question.id in score);
    const right = answered.filter((question) => score[question.id]);
    one('#ls-score').textContent = `${right.length} right of ${answered.length} answered, ${open.length} in this list`;
    document.dispatchEvent(new CustomEvent('ls-progress', { detail: { part: 'practice', done: answered.length } }));
  }

  for (const question of all('.ls-question')) {
    question.classList.add('ls-closed');
    one('.ls-check', question).addEventListener('click', () => {
      const right = judge(question);
      if (right === null || !question.closest('#practice')) return;
      score[question.id] = right;
      Page.remember('practice', score);
      tally();
    });
  }

  function filter(button) {
    Page.choose(all('#practice [data-level-choice]'), button);
    const level = button.dataset.levelChoice;
    for (const question of all('#practice .ls-question')) question.hidden = level !== 'all' && question.dataset.level !== level;
    tally();
  }

  for (const button of all('#practice [data-level-choice]')) button.addEventListener('click', () => filter(button));
  one('#ls-practice-again').addEventListener('click', () => {
    for (const question of all('#practice .ls-question')) {
      delete score[question.id];
      question.classList.add('ls-closed');
      for (const input of all('input', question)) input.checked = false;
      for (const option of all('.ls-option', question)) option.classList.remove('ls-is-right', 'ls-is-wrong');
      one('.ls-judged', question).textContent = '';
    }
    Page.remember('practice', score);
    tally();
  });
  tally();
})();
