#include "actors/runtime/containerd/nft_table.hpp"

#include <nftables/libnftables.h>

namespace cloudless::runtime {

void NftTable::Free::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

NftTable::NftTable() : context_(nft_ctx_new(NFT_CTX_DEFAULT)) {
  nft_ctx_buffer_output(context_.get());
  nft_ctx_buffer_error(context_.get());
}

Result<Nothing> NftTable::run(const std::string& commands) {
  if (commands.empty()) return Nothing{};
  const std::lock_guard lock(mutex_);
  const int failed = nft_run_cmd_from_buffer(context_.get(), commands.c_str());
  const std::string words = nft_ctx_get_error_buffer(context_.get());
  nft_ctx_get_output_buffer(context_.get());  // reading it empties it
  if (failed == 0) return Nothing{};
  const auto code = words.find("No such file") != std::string::npos  ? Errc::not_found
                    : words.find("File exists") != std::string::npos ? Errc::already_exists
                                                                     : Errc::failed_precondition;
  return fail(code, "packet rules: nftables refused a change: " + words.substr(0, words.find('\n')));
}

bool NftTable::exists(const std::string& table) {
  const std::lock_guard lock(mutex_);
  const int failed = nft_run_cmd_from_buffer(context_.get(), "list tables ip\n");
  const std::string listed = nft_ctx_get_output_buffer(context_.get());
  nft_ctx_get_error_buffer(context_.get());
  return failed == 0 && listed.find("table ip " + table + "\n") != std::string::npos;
}

}  // namespace cloudless::runtime
