/** The keyboard's place, where what it stood on went away with its view. */

// Before the user has been in the tab nothing is lost, and nothing may be taken from the host.
let visited = false;
document.addEventListener('focusin', () => (visited = true));

/** Whether no element has the keyboard any more, so that a new view may take it. */
export function focusIsLost() {
  return visited && (!document.activeElement || document.activeElement === document.body);
}
