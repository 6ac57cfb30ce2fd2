"""Subscriptions that are read on demand."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("rclpy")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from ris_ros.node.subscription import QUEUE_DEPTH, PolledSubscription


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
def make_subscription(node, warnings):
    subscriptions = []

    def make(topic="/image", message_type=Image, reliability="auto"):
        subscriptions.append(PolledSubscription(node, message_type, topic, reliability,
                                                lambda _, text: warnings.append(text)))
        return subscriptions[-1]

    yield make
    for subscription in subscriptions:
        subscription.close()


@pytest.fixture
def make_publisher(node, wait_for):
    def make(subscription, reliability=ReliabilityPolicy.RELIABLE):
        publisher = node.create_publisher(Image, subscription.topic, QoSProfile(depth=10, reliability=reliability))
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
    def receive(subscription):
        samples = []
        wait_for(lambda: samples.extend(subscription.take()) or samples, what="a message")
        return samples

    return receive


def test_the_newest_messages_are_kept_with_stamp_and_number(make_subscription, make_publisher):
    subscription = make_subscription()
    publisher = make_publisher(subscription)
    assert subscription.take() == []
    publish(publisher, *range(1, 10))
    time.sleep(0.3)
    samples = subscription.take()
    assert [sample.stamp for sample in samples] == [second * 10**9 + 5 for second in range(10 - QUEUE_DEPTH, 10)]
    assert [sample.number for sample in samples] == list(range(10 - QUEUE_DEPTH, 10))
    assert subscription.take() == []


def test_the_rate_includes_messages_that_were_never_read(make_subscription, make_publisher, receive):
    subscription = make_subscription()
    assert subscription.rate == 0
    publisher = make_publisher(subscription)
    start = time.monotonic()
    for second in range(1, 31):
        publish(publisher, second)
        if second % 10 == 1:
            receive(subscription)
        time.sleep(0.02)
    publish(publisher, 31)
    receive(subscription)
    passed = time.monotonic() - start
    assert subscription.rate == pytest.approx(30 / passed, rel=0.3)


@pytest.mark.parametrize("offered", [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
def test_auto_adapts_to_what_publishers_offer(node, make_subscription, make_publisher, receive, wait_for, warnings,
                                              offered):
    subscription = make_subscription()
    publisher = make_publisher(subscription, reliability=offered)
    subscription.adapt()
    [info] = wait_for(lambda: [one for one in node.get_subscriptions_info_by_topic("/image")
                               if one.qos_profile.reliability == offered], what="the new subscription")
    time.sleep(0.5)
    publish(publisher, 1)
    assert receive(subscription)
    assert info.qos_profile.durability == DurabilityPolicy.VOLATILE
    assert warnings == []


def test_a_latched_message_is_received(node, make_subscription, receive, wait_for):
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publish(node.create_publisher(CameraInfo, "/camera_info", qos), 7, message_type=CameraInfo)
    wait_for(lambda: node.count_publishers("/camera_info"), what="discovery")
    [sample] = receive(make_subscription("/camera_info", CameraInfo))
    assert sample.stamp // 10**9 == 7


def test_an_incompatible_publisher_is_warned_of_with_the_remedy(context, node, make_subscription, wait_for, warnings):
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    subscription = make_subscription(reliability="reliable")
    node.create_publisher(Image, subscription.topic, QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    wait_for(lambda: executor.spin_once(timeout_sec=0.05) or warnings, what="the event")
    assert "set image_reliability to auto or best_effort" in warnings[0]
    executor.shutdown()


def test_a_publisher_of_another_type_is_warned_of(make_subscription, warnings, wait_for):
    subscription = make_subscription("/color")
    other = rclpy.Context()
    rclpy.init(context=other)
    writer = rclpy.create_node("writer", context=other)
    writer.create_publisher(CameraInfo, "/color", 1)
    wait_for(lambda: subscription.adapt() or warnings, what="the warning")
    assert "publishes /color as sensor_msgs/msg/CameraInfo, but sensor_msgs/msg/Image is read" in warnings[0]
    writer.destroy_node()
    other.try_shutdown()


def test_unread_messages_do_not_wake_the_executor(context, node, make_subscription, make_publisher, receive,
                                                  monkeypatch):
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    subscription = make_subscription()
    publisher = make_publisher(subscription)
    publish(publisher, 1)
    receive(subscription)
    publish(publisher, *range(2, 6))
    time.sleep(0.2)
    checked = []
    group = subscription._group
    can_execute = group.can_execute
    monkeypatch.setattr(group, "can_execute", lambda entity: checked.append(entity) or can_execute(entity))
    for _ in range(4):
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    assert 0 < len(checked) < 100, "unread messages wake the executor again and again"
    assert len(subscription.take()) == 4


def test_a_closed_subscription_returns_nothing(make_subscription, make_publisher):
    subscription = make_subscription()
    publish(make_publisher(subscription), 1)
    subscription.close()
    assert subscription.take() == []
