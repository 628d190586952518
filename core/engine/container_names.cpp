#include "engine/container_names.h"

#include <iterator>

#include "base/text.h"

namespace drydock::engine {

namespace {

constexpr std::string_view kAdjectives[] = {
    "able",    "agile",  "amber",  "ample",   "apt",     "azure",  "bold",   "brave",  "breezy", "bright",
    "brisk",   "calm",   "candid", "careful", "cheery",  "civil",  "clear",  "clever", "cosy",   "crisp",
    "curious", "daring", "deft",   "eager",   "earnest", "easy",   "exact",  "fair",   "fleet",  "fond",
    "frank",   "fresh",  "gentle", "glad",    "golden",  "grand",  "hardy",  "hearty", "humble", "ideal",
    "jolly",   "keen",   "kind",   "lively",  "lucid",   "mellow", "merry",  "mighty", "modest", "neat",
    "nimble",  "noble",  "open",   "patient", "placid",  "polite", "prompt", "proud",  "quick",  "quiet",
    "radiant", "ready",  "regal",  "robust",  "rosy",    "sage",   "serene", "sharp",  "silent", "sincere",
    "smart",   "snug",   "sober",  "solid",   "spry",    "stable", "steady", "stoic",  "sturdy", "sunny",
    "swift",   "tidy",   "true",   "trusty",  "upbeat",  "vivid",  "warm",   "wise",   "witty",  "zesty",
};

constexpr std::string_view kSurnames[] = {
    "adleman",   "aho",        "aiken",    "allen",    "amdahl",   "babbage",    "backus",   "bartik",     "bell",
    "bellard",   "boole",      "booth",    "bosch",    "brooks",   "cerf",       "chaitin",  "church",     "clarke",
    "codd",      "conway",     "cook",     "cray",     "dahl",     "dennis",     "diffie",   "dijkstra",   "eckert",
    "engelbart", "erdos",      "estrin",   "feinler",  "floyd",    "flowers",    "galois",   "gauss",      "gilbreth",
    "goldberg",  "goldwasser", "gray",     "hamilton", "hamming",  "hellman",    "hoare",    "holberton",  "hopcroft",
    "hopper",    "huffman",    "ichbiah",  "iverson",  "johnson",  "kahn",       "karp",     "kay",        "keller",
    "kernighan", "kilburn",    "kleene",   "knuth",    "lamport",  "lampson",    "landin",   "lehmer",     "liskov",
    "lovelace",  "markov",     "mauchly",  "mccarthy", "mcilroy",  "merkle",     "milner",   "minsky",     "moore",
    "naur",      "neumann",    "noether",  "noyce",    "nygaard",  "ousterhout", "papert",   "perlis",     "perlman",
    "postel",    "rabin",      "rejewski", "ritchie",  "rivest",   "sammet",     "scott",    "shamir",     "shannon",
    "shaw",      "shor",       "snyder",   "spence",   "stallman", "stearns",    "strachey", "sutherland", "tarjan",
    "thompson",  "torvalds",   "turing",   "ullman",   "warren",   "wheeler",    "wilkes",   "wilkinson",  "wirth",
    "yao",       "zuse",
};

}  // namespace

bool is_valid_name(std::string_view name) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.size() < 2 || !is_alphanumeric(name.front())) return false;
  for (const char c : name)
    if (!is_alphanumeric(c) && c != '_' && c != '.' && c != '-') return false;
  return true;
}

std::string random_name(Random& random, int attempt) {
  const std::string_view adjective = kAdjectives[random.below(std::size(kAdjectives))];
  const std::string_view surname = kSurnames[random.below(std::size(kSurnames))];
  if (attempt == 0) return concat(adjective, '_', surname);
  return concat(adjective, '_', surname, random.below(10));
}

}  // namespace drydock::engine
