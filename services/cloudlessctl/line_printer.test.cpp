#include "services/cloudlessctl/line_printer.hpp"

#include <doctest/doctest.h>

#include <sstream>

namespace cloudless::cli {
namespace {

api::LogLine line(const std::string& replica, const std::string& text, bool partial = false) {
  api::LogLine out;
  out.set_replica_id(replica);
  out.set_container_id(replica + "-1");
  out.set_stream("stdout");
  out.set_line(text);
  out.set_partial(partial);
  return out;
}

api::LogLine marker(api::DropReason reason, std::uint64_t count) {
  auto out = line("a", "");
  out.set_drop_reason(reason);
  out.set_dropped_before(count);
  return out;
}

TEST_CASE("a marker says how many lines are missing and why, and ends what was begun before it") {
  std::ostringstream out;
  LinePrinter printer(out, {});
  printer.print(line("a", "beg", true));
  printer.print(line("b", "other"));
  printer.print(marker(api::DROP_REASON_RATE_LIMIT, 12));
  printer.print(line("a", "next"));
  printer.print(marker(api::DROP_REASON_ROTATED, 0));
  printer.print(marker(api::DROP_REASON_DISK_FULL, 1));
  printer.finish();
  CHECK(out.str() ==
        "other\nbeg\n[12 lines are missing: more than a container may write (container_logs.rate of its "
        "agent)]\n"
        "next\n[lines are missing: rotated away before they were read]\n"
        "[1 line is missing: the node's disk was full]\n");
}

TEST_CASE("in a terminal each replica's name has a colour of its own, and keeps it") {
  std::ostringstream out;
  LinePrinter printer(out, {true, false, true});
  printer.print(line("a", "1"));
  printer.print(line("b", "2"));
  printer.print(line("a", "3"));
  CHECK(out.str() ==
        "\033[36m[a]\033[0m 1\n"
        "\033[33m[b]\033[0m 2\n"
        "\033[36m[a]\033[0m 3\n");
}

TEST_CASE("an enormous line is not kept until its end, and nothing is printed into it") {
  std::ostringstream out;
  LinePrinter printer(out, {true, false, false});
  const std::string piece(16384, 'x');
  for (int n = 0; n < 200; ++n) printer.print(line("a", piece, true));
  CHECK(out.str().size() > 100 * piece.size());
  printer.print(line("a", "end"));
  std::string whole = "[a] ";
  for (int n = 0; n < 200; ++n) whole += piece;
  CHECK((out.str() == whole + "end\n"));
  out.str({});
  for (int n = 0; n < 100; ++n) printer.print(line("a", piece, true));
  printer.print(line("b", "other"));
  printer.print(line("a", "end"));
  CHECK(out.str().find("\n[b] other\n") != std::string::npos);
  CHECK(out.str().ends_with("end\n"));
}

TEST_CASE("bytes that are no text are printed as they are") {
  std::ostringstream out;
  LinePrinter printer(out, {});
  const std::string bytes("\xff\0\x01", 3);
  printer.print(line("a", bytes));
  CHECK(out.str() == bytes + "\n");
}

}  // namespace
}  // namespace cloudless::cli
