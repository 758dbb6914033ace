// The next frame is made ready, in a worker of its own, while the network still looks at the one before.

import { letterbox } from "/page/found.js";

onmessage = ({ data: { pixels, height, width, size } }) => {
  const began = performance.now();
  const made = letterbox(new Uint8ClampedArray(pixels), height, width, size.height, size.width);
  postMessage({ ...made, time: performance.now() - began }, [made.input.buffer]);
};
