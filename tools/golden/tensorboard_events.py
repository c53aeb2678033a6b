#!/usr/bin/env python3
"""Writes tests/core/io/data/events.bin with TensorBoard's own classes (tensorboard 2.21.0), and summaries.bin with those
of torch's SummaryWriter (torch 2.15.0).

With --read FILE prints what TensorBoard's reader finds in an event file.
"""
import os
import sys
import tempfile

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


def summaries():
    """Bins are torch's; types of hyperparameters are told apart, which torch does not."""
    import numpy
    import torch
    from google.protobuf import struct_pb2
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.versions_pb2 import VersionDef
    from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
    from torch.utils.tensorboard import SummaryWriter, summary
    from torch.utils.tensorboard._proto_graph import node_proto

    def histogram(values):
        with tempfile.TemporaryDirectory() as directory:
            bins = SummaryWriter(directory).default_bins
        value = summary.make_histogram(numpy.array(values, "f8"), bins)
        return Summary(value=[Summary.Value(tag="weights", histo=value)])

    def plugin(tag, **content):
        data = plugin_data_pb2.HParamsPluginData(**content).SerializeToString(deterministic=True)
        return Event(wall_time=4.0, summary=Summary(value=[Summary.Value(
            tag="_hparams_/" + tag,
            metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="hparams", content=data)))]))

    yield Event(wall_time=1.0, step=3, summary=histogram([-2.5, -1e-13, 0, 0, 1e-12, 0.5, 0.5, 3]))
    yield Event(wall_time=1.0, step=4, summary=histogram([0.75]))
    yield Event(wall_time=2.0, step=5, summary=summary.audio("tone", torch.tensor([0, 0.5, -0.25, 1, -1]), 16000))
    info = api_pb2.HParamInfo
    yield plugin("experiment", experiment=api_pb2.Experiment(
        hparam_infos=[info(name="bn", type="DATA_TYPE_BOOL"), info(name="lr", type="DATA_TYPE_FLOAT64"),
                      info(name="name", type="DATA_TYPE_STRING")],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag="accuracy"))]))
    value = struct_pb2.Value
    yield plugin("session_start_info", session_start_info=plugin_data_pb2.SessionStartInfo(
        hparams={"bn": value(bool_value=False), "lr": value(number_value=0.0), "name": value(string_value="x")}))
    yield plugin("session_end_info", session_end_info=plugin_data_pb2.SessionEndInfo(status="STATUS_SUCCESS"))
    nodes = [node_proto("input/x", "input", [], None, None, [-1, 4], ""),
             node_proto("encoder/linear", "linear", ["input/x", "weight"], None, None, None, "{bias: true}")]
    nodes[0].attr.pop("attr")
    yield Event(wall_time=5.0, graph_def=GraphDef(node=nodes, versions=VersionDef(producer=22)).SerializeToString())


def write(path, events):
    with open(path, "wb") as f:
        writer = RecordWriter(f)
        for event in events:
            writer.write(event.SerializeToString(deterministic=True))


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
    write(OUT, events())
    write(OUT.replace("events", "summaries"), summaries())
