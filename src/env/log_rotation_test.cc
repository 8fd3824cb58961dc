#include "env/log_rotation.h"

#include <gtest/gtest.h>

namespace quorate::env {
namespace {

constexpr WallTime kTime{Duration(1'735'787'045'678ms)};  // 2025-01-02T03:04:05.678Z

using Names = std::vector<std::string>;

TEST(LogRotation, AnOldFileIsCalledByTheTimeWhenItWasPutAside) {
  EXPECT_EQ(backup_name("etcd.log", kTime, false), "etcd-2025-01-02T03-04-05.678.log");
  EXPECT_EQ(backup_name("etcd", kTime, false), "etcd-2025-01-02T03-04-05.678");
  EXPECT_EQ(backup_name("a.b.log", kTime, false), "a.b-2025-01-02T03-04-05.678.log");
}

TEST(LogRotation, ItsNameTellsTheTimeAgain) {
  for (const bool local : {false, true}) {
    const std::string name = backup_name("etcd.log", kTime, local);
    EXPECT_EQ(backup_time("etcd.log", name, local), kTime);
    EXPECT_EQ(backup_time("etcd.log", name + ".gz", local), kTime);
  }
  for (const char* name : {"etcd.log", "etcd-2025.log", "other-2025-01-02T03-04-05.678.log",
                           "etcd-2025-01-02T03-04-05.678.txt", "etcd-2025-01-02T03-04-05x678.log"}) {
    EXPECT_EQ(backup_time("etcd.log", name, false), std::nullopt) << name;
  }
}

TEST(LogRotation, TheOldestGoWhereThereAreTooMany) {
  Names names{"etcd.log", "unrelated"};
  for (int i = 0; i < 4; ++i) names.push_back(backup_name("etcd.log", kTime + i * Duration(1h), false));
  names[3] += ".gz";
  LogRotation rotation;
  EXPECT_EQ(superfluous_backups("etcd.log", names, rotation, kTime + 4h), Names{});
  rotation.max_backups = 2;
  EXPECT_EQ(superfluous_backups("etcd.log", names, rotation, kTime + 4h), (Names{names[3], names[2]}));
}

TEST(LogRotation, AFileAndItsCompressedFormAreOne) {
  const std::string newer = backup_name("etcd.log", kTime + 1h, false), older = backup_name("etcd.log", kTime, false);
  LogRotation rotation;
  rotation.max_backups = 1;
  EXPECT_EQ(superfluous_backups("etcd.log", {newer, newer + ".gz", older}, rotation, kTime + 2h), Names{older});
}

TEST(LogRotation, WhatIsTooOldGoes) {
  const std::string name = backup_name("etcd.log", kTime, false);
  LogRotation rotation;
  rotation.max_age_days = 2;
  EXPECT_EQ(superfluous_backups("etcd.log", {name}, rotation, kTime + 48h), Names{});
  EXPECT_EQ(superfluous_backups("etcd.log", {name}, rotation, kTime + 49h), Names{name});
}

}  // namespace
}  // namespace quorate::env
