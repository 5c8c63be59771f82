// Over the camera of the tab "Record": who does what, and a countdown before it is filmed.
() => {
  const SECONDS = 3;
  const LOOK_MILLISECONDS = 200;
  const START = ".har-record button[aria-label='start recording']"; // it also stops
  let isPassed = false; // the click after the countdown, which Gradio is to have
  let waiting = null;

  const isFilming = (button) => /stop/i.test(button.textContent);

  function valueOf(name) {
    const field = document.querySelector(`.har-record ${name} input`);
    return (field && field.value.trim()) || "?";
  }

  function show(button, text) {
    const camera = button.closest(".har-camera");
    let sign = camera.querySelector(".har-countdown");
    if (!sign) {
      sign = document.createElement("p");
      sign.className = "har-countdown";
      sign.setAttribute("role", "status");
      camera.append(sign);
    }
    sign.textContent = `${valueOf(".har-label")}, ${valueOf(".har-person")}: ${text}`;
    return sign;
  }

  function whileFilming(button) {
    const began = Date.now();
    const clock = setInterval(() => {
      if (button.isConnected && (isFilming(button) || Date.now() - began < 1000)) {
        show(button, `filming, ${Math.floor((Date.now() - began) / 1000)} s`);
      } else {
        clearInterval(clock);
        document.querySelectorAll(".har-countdown").forEach((sign) => sign.remove());
      }
    }, LOOK_MILLISECONDS);
  }

  function countDown(button, seconds) {
    if (!button.isConnected) {
      waiting = null;
    } else if (seconds > 0) {
      show(button, seconds);
      waiting = setTimeout(() => countDown(button, seconds - 1), 1000);
    } else {
      waiting = null;
      isPassed = true;
      button.click();
      isPassed = false;
      whileFilming(button);
    }
  }

  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest(START);
      if (!button || isPassed || isFilming(button)) return;
      event.stopImmediatePropagation();
      event.preventDefault();
      if (waiting === null) countDown(button, SECONDS);
    },
    { capture: true }
  );
}
