// secret create-registry, list and delete. A password comes from standard input or from the terminal, never
// from the command line, where every process of the machine could read it.
#include <ostream>

#include "services/cloudlessctl/commands.hpp"
#include "services/cloudlessctl/table.hpp"
#include "services/cloudlessctl/views.hpp"

namespace cloudless::cli {
namespace {

constexpr std::uint32_t kSecretsPerCall = 500;
constexpr std::size_t kMostPassword = 8192;

struct SecretOptions {
  std::string name;
  std::string server = "docker.io";
  std::string username;
  bool password_stdin = false;
  bool all_namespaces = false;
};

/// Without the line break that `echo` and password files end with.
std::optional<std::string> password_of(Context& context, const SecretOptions& options) {
  if (!options.password_stdin)
    return context.terminal.ask_hidden ? context.terminal.ask_hidden("Password of " + options.username +
                                                                     " at " + options.server + ": ")
                                       : std::nullopt;
  std::string text(kMostPassword + 2, '\0');
  context.terminal.in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(context.terminal.in.gcount()));
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text;
}

ExitCode create_registry(Context& context, const SecretOptions& options) {
  const auto password = password_of(context, options);
  if (!password) {
    context.terminal.err << "error: there is no terminal to ask for the password; send it to standard input "
                            "and say --password-stdin\n";
    return ExitCode::usage;
  }
  api::PutSecretRequest request;
  request.set_namespace_(context.ns);
  request.set_name(options.name);
  request.mutable_registry()->set_server(options.server);
  request.mutable_registry()->set_username(options.username);
  request.mutable_registry()->set_password(*password);
  const auto secret = context.client.call(&Client::Service::Stub::PutSecret, request);
  if (!secret) return report(context, secret.error());
  if (context.output == Output::table)
    context.terminal.out << "secret " << secret->namespace_() << "/" << secret->name() << " written\n";
  else
    print_object(context, *secret);
  return ExitCode::ok;
}

std::string secret_table(const api::ListSecretsReply& list, bool with_namespace, std::int64_t now_ms) {
  std::vector<Column> columns{{"NAME"}, {"TYPE"}, {"SERVER"}, {"AGE", true}};
  if (with_namespace) columns.insert(columns.begin(), {"NAMESPACE"});
  std::vector<std::vector<std::string>> rows;
  for (const auto& secret : list.secrets()) {
    const auto& at = secret.updated_at();
    std::vector<std::string> row{secret.name(), api::Secret::Type_Name(secret.type()), secret.server(),
                                 age(at.seconds() * 1000 + at.nanos() / 1'000'000, now_ms)};
    if (with_namespace) row.insert(row.begin(), secret.namespace_());
    rows.push_back(std::move(row));
  }
  return table_text(columns, rows);
}

ExitCode list_secrets(Context& context, const SecretOptions& options) {
  api::ListSecretsRequest request;
  if (!options.all_namespaces) request.set_namespace_(context.ns);
  request.set_page_size(kSecretsPerCall);
  api::ListSecretsReply all;
  do {
    auto page = context.client.call(&Client::Service::Stub::ListSecrets, request);
    if (!page) return report(context, page.error());
    request.set_page_token(page->next_page_token());
    all.set_store_revision(page->store_revision());
    for (auto& secret : *page->mutable_secrets()) *all.add_secrets() = std::move(secret);
  } while (!request.page_token().empty());
  if (context.output != Output::table)
    print_object(context, all);
  else if (all.secrets().empty())
    context.terminal.err << "no secrets\n";
  else
    context.terminal.out << secret_table(all, options.all_namespaces, context.now_ms);
  return ExitCode::ok;
}

ExitCode delete_secret(Context& context, const SecretOptions& options) {
  api::DeleteSecretRequest request;
  request.set_namespace_(context.ns);
  request.set_name(options.name);
  const auto reply = context.client.call(&Client::Service::Stub::DeleteSecret, request);
  if (!reply) return report(context, reply.error());
  if (context.output == Output::table)
    context.terminal.out << "secret " << context.ns << "/" << options.name << " deleted\n";
  else
    print_object(context, *reply);
  return ExitCode::ok;
}

template <class Run>
void run_with(CLI::App& command, Action& action, std::shared_ptr<SecretOptions> options, Run run) {
  command.callback([&action, options = std::move(options), run] {
    action = [options, run](Context& context) { return run(context, *options); };
  });
}

}  // namespace

void add_secret_commands(CLI::App& secret, Action& action) {
  auto options = std::make_shared<SecretOptions>();
  auto* create = secret.add_subcommand(
      "create-registry", "Write a registry's credentials, for image_pull_secrets; the password is asked for");
  create->add_option("name", options->name, "The secret's name")->required();
  create->add_option("--registry", options->server, "host or host:port, as image references begin")
      ->capture_default_str();
  create->add_option("--username", options->username, "User name")->required();
  create->add_flag("--password-stdin", options->password_stdin, "Read the password from standard input");
  run_with(*create, action, options, create_registry);

  options = std::make_shared<SecretOptions>();
  auto* list = secret.add_subcommand("list", "List secrets, without their values");
  list->add_flag("-A,--all-namespaces", options->all_namespaces, "Of every namespace");
  run_with(*list, action, options, list_secrets);

  options = std::make_shared<SecretOptions>();
  auto* remove = secret.add_subcommand("delete", "Delete a secret; what was pulled with it stays");
  remove->add_option("name", options->name, "The secret's name")->required();
  run_with(*remove, action, options, delete_secret);
}

}  // namespace cloudless::cli
