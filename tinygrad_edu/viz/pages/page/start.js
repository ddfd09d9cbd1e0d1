// What is on the page first; what programs may ask of it.
const player = { data, nodes, steps, go: bar.go, at: state.at, boxes: graph.boxes, frames: graph.frames, size: graph.size, toggle: graph.toggle, detail: bar.detail, choose: graph.choose };
bar.start();
(worksheet ?? film)?.begin();
