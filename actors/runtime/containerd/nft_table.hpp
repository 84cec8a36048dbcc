// nftables by its library: carries out the text that port_rules renders, each in one transaction. Blocking,
// for about a millisecond; may be called from several threads. libnftables ends the process if it cannot open
// its netlink socket, so one is opened when the agent starts and kept.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "actors/runtime/runtime_port.hpp"
#include "messages/domain/error.hpp"

struct nft_ctx;

namespace cloudless::runtime {

class NftTable {
 public:
  NftTable();
  /// All of it or nothing. NOT_FOUND when a table, map or element is not there, ALREADY_EXISTS when one is;
  /// else FAILED_PRECONDITION with nftables' own words.
  Result<Nothing> run(const std::string& commands);
  /// Whether this table of family ip is there.
  bool exists(const std::string& table);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  std::mutex mutex_;
  std::unique_ptr<nft_ctx, Free> context_;
};

}  // namespace cloudless::runtime
