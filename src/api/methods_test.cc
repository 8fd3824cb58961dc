#include "api/methods.h"

#include <gtest/gtest.h>

namespace quorate::api {
namespace {

TEST(Methods, EveryRowIsFoundByItsPath) {
  for (const MethodRow& row : all_methods()) {
    const Result<Method> found = find_method("/" + std::string(row.service) + "/" + std::string(row.name));
    ASSERT_TRUE(found.has_value()) << row.name;
    EXPECT_EQ(*found, row.method);
    EXPECT_EQ(row_of(*found).name, row.name);
  }
}

TEST(Methods, WhatIsNotServedIsUnimplementedInTheWordsOfGrpc) {
  EXPECT_EQ(find_method("/etcdserverpb.KV/Nothing").error(),
            Status(Code::kUnimplemented, "unknown method Nothing for service etcdserverpb.KV"));
  EXPECT_EQ(find_method("/v3lockpb.Lock/Lock").error(), Status(Code::kUnimplemented, "unknown service v3lockpb.Lock"));
  EXPECT_EQ(find_method("nonsense").error().code(), Code::kUnimplemented);
  EXPECT_EQ(find_method("").error().code(), Code::kUnimplemented);
}

}  // namespace
}  // namespace quorate::api
