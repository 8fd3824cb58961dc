#include "env/posix/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>

namespace quorate::env::posix {
namespace {

// The fields of /proc/self/stat from the third on: the second is a name that may hold anything.
std::vector<double> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::istringstream rest(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::string state;
  rest >> state;
  std::vector<double> fields{0};
  for (double field = 0; rest >> field;) fields.push_back(field);
  return fields;
}

double boot_time_s() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

// Bytes of all interfaces of this network namespace, in and out.
std::pair<double, double> network_bytes() {
  std::ifstream file("/proc/self/net/netstat");
  std::string names, values, name;
  while (std::getline(file, names) && std::getline(file, values)) {
    if (!names.starts_with("IpExt:")) continue;
    std::istringstream of_names(names), of_values(values);
    std::string skipped;
    of_names >> skipped;
    of_values >> skipped;
    std::pair<double, double> out;
    for (double value = 0; of_names >> name && of_values >> value;) {
      if (name == "InOctets") out.first = value;
      if (name == "OutOctets") out.second = value;
    }
    return out;
  }
  return {};
}

double open_files() {
  std::error_code failed;
  double count = 0;
  for (auto each = std::filesystem::directory_iterator("/proc/self/fd", failed);
       !failed && each != std::filesystem::directory_iterator(); each.increment(failed)) {
    ++count;
  }
  return count;
}

}  // namespace

void add_process_metrics(Metrics& metrics) {
  Counter* cpu = &metrics.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
  Gauge* resident = &metrics.gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
  Gauge* virtual_size = &metrics.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
  Gauge* virtual_max = &metrics.gauge("process_virtual_memory_max_bytes", "Maximum amount of virtual memory in bytes.");
  Counter* received = &metrics.counter("process_network_receive_bytes_total", "Bytes received over the network.");
  Counter* sent = &metrics.counter("process_network_transmit_bytes_total", "Bytes sent over the network.");
  Gauge* start = &metrics.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
  Gauge* open = &metrics.gauge("process_open_fds", "Number of open file descriptors.");
  Gauge* open_max = &metrics.gauge("process_max_fds", "Maximum number of open file descriptors.");
  Gauge* used = &metrics.gauge("os_fd_used", "The number of used file descriptors.");
  Gauge* limit = &metrics.gauge("os_fd_limit", "The file descriptor limit.");
  metrics.before_scrape([=] {
    // Numbers as in proc(5), which counts from 1; the vector's first is the third.
    const std::vector<double> fields = stat_fields();
    const auto ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
    if (fields.size() > 24 - 3) {
      cpu->value = (fields[14 - 3] + fields[15 - 3]) / ticks_per_s;
      start->set(boot_time_s() + fields[22 - 3] / ticks_per_s);
      virtual_size->set(fields[23 - 3]);
      resident->set(fields[24 - 3] * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    }
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
      open_max->set(static_cast<double>(files.rlim_cur));
      limit->set(static_cast<double>(files.rlim_cur));
    }
    rlimit memory{};
    if (::getrlimit(RLIMIT_AS, &memory) == 0) virtual_max->set(static_cast<double>(memory.rlim_cur));
    std::tie(received->value, sent->value) = network_bytes();
    open->set(open_files());
    used->set(open->value);
  });
}

}  // namespace quorate::env::posix
