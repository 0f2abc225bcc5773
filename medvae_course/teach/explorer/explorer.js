/* Runs a small decoder in the reader's browser: no server, no network, no library. */
(function (root, model) {
  "use strict";

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const weights = (w) => {
    /* whole numbers from -127 to 127, with one step per output channel */
    const whole = new Int8Array(bytes(w.data).buffer);
    const step = new Float32Array(bytes(w.step).buffer);
    return Float32Array.from(whole, (q, i) => q * step[i % step.length]);
  };
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const activate = {
    linear: (x) => x,
    relu: (x) => Math.max(x, 0),
    leaky_relu: (x) => (x < 0 ? 0.2 * x : x),
    tanh: Math.tanh,
    sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  };

  for (const layer of model.layers) {
    layer.w = weights(layer.weights);
    layer.b = floats(layer.bias);
  }

  function dense(layer, x) {
    const n = layer.b.length, out = Float32Array.from(layer.b);
    for (let i = 0; i < x.length; i++) {
      if (x[i] === 0) continue;
      for (let j = 0; j < n; j++) out[j] += x[i] * layer.w[i * n + j];
    }
    return out;
  }

  function transposed(layer, x) {
    /* every number lays its kernel, k by k, on the larger map, `stride` apart */
    const { side, k, stride, filters } = layer, large = side * stride;
    const channels = x.length / (side * side), rim = (k - stride) >> 1;
    const out = new Float32Array(large * large * filters);
    for (let p = 0; p < large * large; p++) out.set(layer.b, p * filters);
    for (let i = 0; i < side; i++) for (let j = 0; j < side; j++)
      for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) {
        const row = i * stride + a - rim, column = j * stride + b - rim;
        if (row < 0 || column < 0 || row >= large || column >= large) continue;
        const from = (i * side + j) * channels, to = (row * large + column) * filters;
        const kernel = (a * k + b) * channels * filters;
        for (let c = 0; c < channels; c++) {
          const value = x[from + c];
          for (let f = 0; f < filters; f++)
            out[to + f] += value * layer.w[kernel + c * filters + f];
        }
      }
    return out;
  }

  function decode(z) {
    let x = Float32Array.from(z);
    for (const layer of model.layers) {
      x = layer.kind === "dense" ? dense(layer, x) : transposed(layer, x);
      x = x.map(activate[layer.activation]);
    }
    const mean = model.mean;
    return mean ? x.map((value, i) => value + mean[i]) : x;
  }
  if (model.mean) {
    const whole = new Int16Array(bytes(model.mean).buffer);
    model.mean = Float32Array.from(whole, (q) => q / model.mean_steps);
  }

  const side = model.side, part = (name) => root.querySelector(`[data-part=${name}]`);
  const state = { z: model.starts[0].z.slice(), start: 0 };

  function paint(canvas, colour) {
    const context = canvas.getContext("2d"), image = context.createImageData(side, side);
    for (let i = 0; i < side * side; i++) image.data.set(colour(i), 4 * i);
    context.putImageData(image, 0, 0);
  }

  function draw() {
    const [level, width] = part("window").value.split(" ").map(Number);
    const image = decode(state.z), hu = (x) => model.low_hu + x * model.range_hu;
    root.image = image; /* what is shown, for whoever wants to check it */
    paint(part("image"), (i) => {
      const grey = 255 * ((hu(image[i]) - level) / width + 0.5);
      return [grey, grey, grey, 255];
    });
    if (part("change")) {
      const first = decode(model.starts[state.start].z);
      paint(part("change"), (i) => {
        /* white: none; red: denser by 300 HU; blue: less dense */
        const t = Math.max(-1, Math.min(1, ((image[i] - first[i]) * model.range_hu) / 300));
        const pale = 255 * (1 - Math.abs(t));
        return t > 0 ? [180 + (75 * pale) / 255, pale, pale, 255] : [pale, pale, 180 + (75 * pale) / 255, 255];
      });
    }
    if (part("plane")) drawPlane();
  }

  function drawPlane() {
    const canvas = part("plane"), context = canvas.getContext("2d"), n = canvas.width;
    const at = (v) => n / 2 + (v / model.limit) * (n / 2);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, n, n);
    context.strokeStyle = "#c8c8c8";
    for (let v = -Math.floor(model.limit); v <= model.limit; v++) {
      context.beginPath();
      context.moveTo(at(v), 0); context.lineTo(at(v), n);
      context.moveTo(0, at(v)); context.lineTo(n, at(v));
      context.stroke();
    }
    for (const [x, y, value] of model.codes) {
      context.fillStyle = `hsl(${240 - 240 * value} 70% 45%)`;
      context.beginPath();
      context.arc(at(x), at(-y), 2.5, 0, 7);
      context.fill();
    }
    context.strokeStyle = "#000000";
    context.lineWidth = 2;
    context.beginPath();
    context.arc(at(state.z[0]), at(-state.z[1]), 8, 0, 7);
    context.stroke();
    context.lineWidth = 1;
    part("place").textContent = state.z.map((v) => v.toFixed(1).replace("-", "−")).join(", ");
  }

  function listenToPlane(canvas) {
    const limit = (v) => Math.max(-model.limit, Math.min(model.limit, v));
    const move = (event) => {
      const box = canvas.getBoundingClientRect();
      state.z[0] = limit((2 * (event.clientX - box.left)) / box.width * model.limit - model.limit);
      state.z[1] = limit(model.limit - (2 * (event.clientY - box.top)) / box.height * model.limit);
      draw();
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      move(event);
    });
    canvas.addEventListener("pointermove", (event) => event.buttons && move(event));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
      if (!step) return;
      event.preventDefault();
      state.z = state.z.map((v, i) => limit(v + step[i]));
      draw();
    });
  }

  function listenToSliders() {
    const sliders = [...root.querySelectorAll("input[type=range]")];
    const show = () => sliders.forEach((slider) => {
      slider.value = state.z[slider.dataset.latent];
      slider.nextElementSibling.textContent = Number(slider.value).toFixed(1).replace("-", "−");
    });
    sliders.forEach((slider) => slider.addEventListener("input", () => {
      state.z[slider.dataset.latent] = Number(slider.value);
      show();
      draw();
    }));
    const restart = () => {
      state.start = Number(part("start").value);
      state.z = model.starts[state.start].z.slice();
      show();
      draw();
    };
    part("start").addEventListener("change", restart);
    part("reset").addEventListener("click", restart);
    show();
  }

  if (part("plane")) listenToPlane(part("plane"));
  if (part("start")) listenToSliders();
  part("window").addEventListener("change", draw);
  root.hidden = false;
  draw();
})
