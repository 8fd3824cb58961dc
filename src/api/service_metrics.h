// api/service_metrics.h: the metrics of the service, under the names that etcd's dashboards and alerts read.
//
// Loop: core. Source: server, section 3.
#pragma once

#include <vector>

#include "api/methods.h"
#include "base/status.h"
#include "env/metrics.h"
#include "server/replica.h"

namespace quorate::api {

class ServiceMetrics {
 public:
  ServiceMetrics(env::Metrics& metrics, server::Replica& replica);

  void started(Method method) { methods_[static_cast<size_t>(method)].started->add(); }
  void handled(Method method, Code code) {
    methods_[static_cast<size_t>(method)].handled[static_cast<size_t>(code)]->add();
  }
  void message_received(Method method, size_t bytes) {
    methods_[static_cast<size_t>(method)].received->add();
    received_bytes_.add(static_cast<double>(bytes));
  }
  void message_sent(Method method, size_t bytes) {
    methods_[static_cast<size_t>(method)].sent->add();
    sent_bytes_.add(static_cast<double>(bytes));
  }
  void health(bool healthy) { (healthy ? health_success_ : health_failures_).add(); }

  env::Counter& put_total;
  env::Counter& delete_total;
  env::Counter& range_total;
  env::Counter& txn_total;
  env::Counter& leases_granted_total;
  env::Counter& leases_revoked_total;  // those that expired are added where they are counted
  env::Histogram& lease_ttl_s;

 private:
  struct PerMethod {
    env::Counter* started;
    env::Counter* received;
    env::Counter* sent;
    std::vector<env::Counter*> handled;  // by code
  };

  std::vector<PerMethod> methods_;
  env::Counter& received_bytes_;
  env::Counter& sent_bytes_;
  env::Counter& health_success_;
  env::Counter& health_failures_;
};

}  // namespace quorate::api
