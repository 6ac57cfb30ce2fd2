"""Topics that are read on demand."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("rclpy")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from ris_ros.node.subscription import DEPTH, PolledSubscription


@pytest.fixture(scope="module")
def context():
    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    context.try_shutdown()


@pytest.fixture
def node(context):
    node = rclpy.create_node("reader", context=context)
    yield node
    node.destroy_node()


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def make_stream(node, warnings):
    streams = []

    def make(topic="/image", message_type=Image, reliability="auto"):
        streams.append(PolledSubscription(node, message_type, topic, reliability, warnings.append))
        return streams[-1]

    yield make
    for stream in streams:
        stream.close()


@pytest.fixture
def make_publisher(node, wait_for):
    def make(stream, reliability=ReliabilityPolicy.RELIABLE):
        publisher = node.create_publisher(Image, stream.topic, QoSProfile(depth=10, reliability=reliability))
        wait_for(publisher.get_subscription_count, what="discovery")
        time.sleep(0.2)
        return publisher

    return make


def publish(publisher, *seconds, message_type=Image):
    for second in seconds:
        message = message_type()
        message.header.stamp.sec, message.header.stamp.nanosec = second, 5
        publisher.publish(message)


@pytest.fixture
def receive(wait_for):
    def receive(stream):
        samples = []
        wait_for(lambda: samples.extend(stream.take()) or samples, what="a message")
        return samples

    return receive


def test_the_newest_messages_are_kept_with_stamp_and_number(make_stream, make_publisher):
    stream = make_stream()
    publisher = make_publisher(stream)
    assert stream.take() == []
    publish(publisher, *range(1, 10))
    time.sleep(0.3)
    samples = stream.take()
    assert [sample.stamp for sample in samples] == [second * 10**9 + 5 for second in range(10 - DEPTH, 10)]
    assert [sample.number for sample in samples] == list(range(10 - DEPTH, 10))
    assert stream.take() == []


def test_the_rate_counts_messages_that_were_never_read(make_stream, make_publisher, receive):
    stream = make_stream()
    assert stream.rate == 0
    publisher = make_publisher(stream)
    start = time.monotonic()
    for second in range(1, 31):
        publish(publisher, second)
        if second % 10 == 1:
            receive(stream)
        time.sleep(0.02)
    publish(publisher, 31)
    receive(stream)
    passed = time.monotonic() - start
    assert stream.rate == pytest.approx(30 / passed, rel=0.3)


@pytest.mark.parametrize("offered", [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
def test_auto_adapts_to_what_publishers_offer(node, make_stream, make_publisher, receive, wait_for, warnings, offered):
    stream = make_stream()
    publisher = make_publisher(stream, reliability=offered)
    stream.adapt()
    [info] = wait_for(lambda: [one for one in node.get_subscriptions_info_by_topic("/image")
                               if one.qos_profile.reliability == offered], what="the new subscription")
    time.sleep(0.5)
    publish(publisher, 1)
    assert receive(stream)
    assert info.qos_profile.durability == DurabilityPolicy.VOLATILE
    assert warnings == []


def test_what_was_published_once_before_is_received(node, make_stream, receive, wait_for):
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publish(node.create_publisher(CameraInfo, "/camera_info", qos), 7, message_type=CameraInfo)
    wait_for(lambda: node.count_publishers("/camera_info"), what="discovery")
    [sample] = receive(make_stream("/camera_info", CameraInfo))
    assert sample.stamp // 10**9 == 7


def test_a_publisher_that_cannot_be_heard_is_told_of_with_the_remedy(context, node, make_stream, wait_for, warnings):
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    stream = make_stream(reliability="reliable")
    node.create_publisher(Image, stream.topic, QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    wait_for(lambda: executor.spin_once(timeout_sec=0.05) or warnings, what="the event")
    assert "set image_reliability to auto or best_effort" in warnings[0]
    executor.shutdown()


def test_a_topic_of_another_type_is_told_of(make_stream, warnings, wait_for):
    stream = make_stream("/picture")
    other = rclpy.Context()
    rclpy.init(context=other)
    writer = rclpy.create_node("writer", context=other)
    writer.create_publisher(CameraInfo, "/picture", 1)
    wait_for(lambda: stream.adapt() or warnings, what="the warning")
    assert "publishes /picture as sensor_msgs/msg/CameraInfo, but sensor_msgs/msg/Image is read" in warnings[0]
    writer.destroy_node()
    other.try_shutdown()


def test_an_executor_rests_while_messages_wait(context, node, make_stream, make_publisher, receive, monkeypatch):
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    stream = make_stream()
    publisher = make_publisher(stream)
    publish(publisher, 1)
    receive(stream)
    publish(publisher, *range(2, 6))
    time.sleep(0.2)
    asked = []
    can_execute = stream._group.can_execute
    monkeypatch.setattr(stream._group, "can_execute", lambda entity: asked.append(entity) or can_execute(entity))
    for _ in range(4):
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert 0 < len(asked) < 100, "woken again and again by what it does not read"
    assert len(stream.take()) == 4


def test_a_closed_stream_gives_nothing(make_stream, make_publisher):
    stream = make_stream()
    publish(make_publisher(stream), 1)
    stream.close()
    assert stream.take() == []
