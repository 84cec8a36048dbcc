#include "services/cloudlessctl/completion.hpp"

#include <map>
#include <vector>

namespace cloudless::cli {
namespace {

/// Words that may follow each command ("workload list"): its subcommands and long options, those of its
/// parents included.
using Words = std::map<std::string, std::vector<std::string>>;

void collect(const CLI::App& app, const std::string& path, std::vector<std::string> options, Words& out) {
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) options.push_back("--" + name);
  }
  auto& words = out[path];
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back(command->get_name());
    collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(), options, out);
  }
  words.insert(words.end(), options.begin(), options.end());
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string bash(const std::string& program, const Words& words) {
  std::string cases;
  std::string commands;
  for (const auto& [path, following] : words) {
    cases += "    '" + path + "') words='" + joined(following) + "' ;;\n";
    if (!path.empty()) commands += (commands.empty() ? "'" : " | '") + path + "'";
  }
  return "_" + program +
         "() {\n"
         "  local path='' word words=''\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"${path:+$path }$word\" in\n"
         "      " +
         commands +
         ") path=\"${path:+$path }$word\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path\" in\n" +
         cases +
         "  esac\n"
         "  case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n"
         "    -o | --output) words='table json yaml' ;;\n"
         "    -f | --file | --ca | --cert | --key) COMPREPLY=($(compgen -f -- "
         "\"${COMP_WORDS[COMP_CWORD]}\")); return ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -F _" +
         program + " " + program + "\n";
}

std::string fish(const std::string& program, const Words& words) {
  std::string out = "function __" + program +
                    "_path\n"
                    "  set -l path\n"
                    "  for word in (commandline -opc)[2..-1]\n"
                    "    string match -q -- '-*' $word; or set path $path $word\n"
                    "  end\n"
                    "  echo $path\n"
                    "end\n"
                    "complete -c " +
                    program + " -f\n";
  for (const auto& [path, following] : words)
    out += "complete -c " + program + " -n 'test \"$(__" + program + "_path)\" = \"" + path + "\"' -a '" +
           joined(following) + "'\n";
  out += "complete -c " + program + " -s o -l output -x -a 'table json yaml'\n";
  out += "complete -c " + program + " -s f -l file -r -F\n";
  for (const char* file : {"ca", "cert", "key"}) out += "complete -c " + program + " -l " + file + " -r -F\n";
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  Words words;
  collect(app, "", {}, words);
  if (shell == "fish") return fish(app.get_name(), words);
  const auto script = bash(app.get_name(), words);
  return shell == "zsh"
             ? "#compdef " + app.get_name() + "\nautoload -U +X bashcompinit && bashcompinit\n" + script
             : script;
}

}  // namespace cloudless::cli
