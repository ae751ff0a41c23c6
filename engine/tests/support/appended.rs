//! Gives a tower another input, by bytes that are appended to its file: what is appended to a
//! protocol buffer is part of it.

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 128);
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

fn attribute(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
    let kind = [20 << 3 & 0x7f | 0x80, 1, kind];
    field(5, &[&field(1, name.as_bytes()), value, &kind].concat())
}

fn node(kind: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let more = match kind {
        "Cast" => attribute("to", 2, &[3 << 3, 1]),
        "ReduceMean" | "ReduceMax" => attribute("axes", 7, &[8 << 3, 1]),
        _ => Vec::new(),
    };
    let inputs: Vec<u8> = inputs.iter().flat_map(|i| field(1, i.as_bytes())).collect();
    let (output, kind) = (field(2, output.as_bytes()), field(4, kind.as_bytes()));
    field(1, &[inputs, output, kind, more].concat())
}

/// A name, and the element type and the axes of a tensor.
fn value(name: &str, element: u8, axes: &[&[u8]]) -> Vec<u8> {
    let axes: Vec<u8> = axes.iter().flat_map(|axis| field(1, axis)).collect();
    let tensor = [&[1 << 3, element][..], &field(2, &axes)].concat();
    let shape = field(2, &field(1, &tensor));
    [field(1, name.as_bytes()), shape].concat()
}

/// For SigLIP's text tower: `text_embeds` is `pooler_output`, plus the number `moved` that
/// `steps` make of `floats`. Those are what comes into the new input, whose elements are of the
/// kind that ONNX has this number for.
pub fn input(name: &str, element: u8, steps: &[(&str, &[&str], &str)]) -> Vec<u8> {
    let (batch, sequence) = (field(2, b"batch_size"), field(2, b"sequence_length"));
    let mut graph = node("Cast", &[name], "floats");
    for (kind, inputs, output) in steps {
        graph.extend(node(kind, inputs, output));
    }
    graph.extend(node("Add", &["pooler_output", "moved"], "text_embeds"));
    graph.extend(field(11, &value(name, element, &[&batch, &sequence])));
    let vector = value("text_embeds", 1, &[&batch, &[1 << 3, 32]]);
    graph.extend(field(12, &vector));
    let length = [graph.len() as u8 & 0x7f | 0x80, (graph.len() >> 7) as u8];
    [&[7 << 3 | 2][..], &length, &graph].concat()
}
