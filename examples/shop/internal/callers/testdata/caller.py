"""Calls the shop with grpcio: each kind of RPC, an error with details, and a deadline.

    caller.py ADDRESS TOKEN
"""

import json
import sys

import grpc
from google.rpc import error_details_pb2, status_pb2
from shop.v1 import (
    analytics_service_pb2,
    analytics_service_pb2_grpc,
    chat_service_pb2,
    chat_service_pb2_grpc,
    product_service_pb2,
    product_service_pb2_grpc,
    user_service_pb2,
    user_service_pb2_grpc,
)

WAIT = 240  # seconds, for what takes none on an idle machine


def main(address, token):
    clerk = [("authorization", "Bearer " + token)]
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(WAIT)
        users = user_service_pb2_grpc.UserServiceStub(channel)
        products = product_service_pb2_grpc.ProductServiceStub(channel)
        analytics = analytics_service_pb2_grpc.AnalyticsServiceStub(channel)
        chat = chat_service_pb2_grpc.ChatServiceStub(channel)
        print(json.dumps({
            "unary": page(users, clerk),
            "server stream": [p.name for p in products.SearchProducts(
                product_service_pb2.SearchRequest(query="tea", limit=2), timeout=WAIT)],
            "client stream": analytics.RecordMetrics(
                (analytics_service_pb2.Metric(name="load", value=v) for v in (1, 2, 3)),
                timeout=WAIT, metadata=clerk).aggregates["load"].sum,
            "bidi": talk(chat, clerk),
            "details": details(users, clerk),
            "deadline": deadline(chat, clerk),
        }))


def page(users, clerk):
    response = users.ListUsers(
        user_service_pb2.ListUsersRequest(page_size=2), timeout=WAIT, metadata=clerk)
    return [user.name for user in response.users]


def talk(chat, clerk):
    requests = [chat_service_pb2.ChatMessage(room_id="python", content="hello")]
    call = chat.Chat(iter(requests), timeout=WAIT, metadata=clerk)
    contents = [next(call).content, next(call).content]
    call.cancel()
    return contents


def details(users, clerk):
    try:
        users.CreateUser(
            user_service_pb2.CreateUserRequest(name="Dan", email="nobody"), timeout=WAIT, metadata=clerk)
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        for detail in status.details:
            detail.Unpack(info)
            detail.Unpack(bad)
        return [error.code().name, info.reason, bad.field_violations[0].field]
    return ["OK"]


def deadline(chat, clerk):
    try:
        for _ in chat.FollowRoom(
                chat_service_pb2.FollowRoomRequest(room_id="quiet"), timeout=0.5, metadata=clerk):
            pass
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


if __name__ == "__main__":
    main(*sys.argv[1:])
