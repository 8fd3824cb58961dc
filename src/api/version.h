// api/version.h: the versions that are spoken and shown.
#pragma once

namespace quorate::api {

inline constexpr const char* kEtcdVersion = "3.7.1";  // whose behaviour this is
inline constexpr const char* kStorageVersion = "3.7.0";

}  // namespace quorate::api
