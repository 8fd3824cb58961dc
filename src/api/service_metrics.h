// api/service_metrics.h: the metrics of the service, under the names that etcd's dashboards and alerts read.
//
// Loop: core. Source: server, section 3.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/methods.h"
#include "base/status.h"
#include "base/time.h"
#include "env/metrics.h"
#include "server/replica.h"

namespace quorate::api {

class ServiceMetrics {
 public:
  // `extensive`: with a histogram of each method's durations (--metrics).
  ServiceMetrics(env::Metrics& metrics, server::Replica& replica, bool extensive);

  void started(Method method) { methods_[static_cast<size_t>(method)].started->add(); }
  void handled(Method method, Code code, Duration took) {
    const PerMethod& row = methods_[static_cast<size_t>(method)];
    row.handled[static_cast<size_t>(code)]->add();
    if (row.seconds != nullptr) row.seconds->observe(std::chrono::duration<double>(took).count());
  }
  void message_received(Method method, size_t bytes) {
    methods_[static_cast<size_t>(method)].received->add();
    received_bytes_.add(static_cast<double>(bytes));
  }
  void message_sent(Method method, size_t bytes) {
    methods_[static_cast<size_t>(method)].sent->add();
    sent_bytes_.add(static_cast<double>(bytes));
  }
  // A call came from a client of this API version; "" is unknown.
  void client_request(MethodKind kind, const std::string& api_version);
  // One check of /livez or /readyz, named by its page.
  void check(std::string_view page, std::string_view name, bool healthy);
  // A scrape was answered.
  void scraped() { scrapes_.add(); }
  void health(bool healthy) { (healthy ? health_success_ : health_failures_).add(); }

  env::Counter& leases_granted_total;
  env::Counter& leases_revoked_total;  // those that expired are added where they are counted
  env::Histogram& lease_ttl_s;

 private:
  struct PerMethod {
    env::Counter* started;
    env::Counter* received;
    env::Counter* sent;
    env::Histogram* seconds;             // null unless extensive
    std::vector<env::Counter*> handled;  // by code
  };

  env::Metrics& metrics_;
  std::vector<PerMethod> methods_;
  std::map<std::pair<bool, std::string>, env::Counter*> client_requests_;  // by streaming, then API version
  env::Counter& received_bytes_;
  env::Counter& sent_bytes_;
  env::Counter& health_success_;
  env::Counter& health_failures_;
  env::Counter& scrapes_;
};

}  // namespace quorate::api
