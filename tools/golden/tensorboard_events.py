#!/usr/bin/env python3
"""Writes tests/core/io/data/events.bin with TensorBoard's own classes (tensorboard 2.21.0).

With --read FILE prints what TensorBoard's reader finds in an event file.
"""
import os
import sys

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New
from tensorboard.summary.writer.record_writer import RecordWriter

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/core/io/data/events.bin")


def events():
    yield Event(wall_time=1.5, file_version="brain.Event:2")
    yield Event(wall_time=2.25, step=0, summary=Summary(value=[Summary.Value(tag="loss/train", simple_value=0.0)]))
    yield Event(wall_time=3.0, step=300, summary=Summary(value=[Summary.Value(tag="accuracy", simple_value=0.925)]))
    yield Event(wall_time=4.0, step=1 << 40, summary=Summary(value=[Summary.Value(
        tag="notes",
        tensor=TensorProto(dtype="DT_STRING", string_val=[b"**hello**"],
                           tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])),
        metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text")))]))
    yield Event(wall_time=5.0, step=7, summary=Summary(value=[Summary.Value(
        tag="picture", image=Summary.Image(height=2, width=200, colorspace=3, encoded_image_string=b"\x89PNG" * 50))]))


if len(sys.argv) == 3 and sys.argv[1] == "--read":
    reader = PyRecordReader_New(sys.argv[2])
    while True:
        try:
            reader.GetNext()
        except Exception as end:
            print(type(end).__name__)
            break
        print(Event.FromString(reader.record()))
else:
    with open(OUT, "wb") as f:
        writer = RecordWriter(f)
        for event in events():
            writer.write(event.SerializeToString())
