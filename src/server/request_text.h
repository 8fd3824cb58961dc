// server/request_text.h: requests as the log shows them: keys are told, of values only the size.
//
// Pure functions. The words are those that operators of etcd search for; of a text longer than
// limits::kLoggedRequestBytes only the beginning is kept.
// Source: server, section 4.
#pragma once

#include <string>

#include "pb/internal.h"

namespace quorate::server {

std::string request_text(const pb::RangeRequest& request);        // key:"a" range_end:"b" limit:5
std::string request_text(const pb::PutRequest& request);          // key:"a" value_size:3
std::string request_text(const pb::DeleteRangeRequest& request);  // key:"a"
std::string request_text(const pb::TxnRequest& request);          // compare:<...> success:<...> failure:<...>
std::string request_text(const pb::InternalRequest& request);     // header:<ID:7> put:<key:"a" value_size:3 >

}  // namespace quorate::server
