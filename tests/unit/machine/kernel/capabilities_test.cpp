#include "machine/kernel/capabilities.h"

#include <doctest/doctest.h>

#include "machine/kernel/namespace_set.h"
#include "tests/support/machine/booted_machine.h"

using namespace drydock::machine;
using drydock::Errno;
using drydock::machine::testing::BootedMachine;

namespace {

// A user namespace below the initial one, owned by that uid.
UserNamespaceId space_below(Kernel& kernel, UserNamespaceId parent, std::uint32_t owner) {
  UserNamespace space;
  space.parent = parent;
  space.level = kernel.user_namespaces[parent].level + 1;
  space.owner = owner;
  space.users = 1;
  return kernel.user_namespaces.emplace(std::move(space));
}

Credentials user(UserNamespaceId space, std::uint32_t uid) {
  Credentials who;
  who.user_namespace = space;
  who.uid = who.euid = who.suid = who.fsuid = uid;
  who.gid = who.egid = who.sgid = who.fsgid = uid;
  return who;
}

}  // namespace

TEST_CASE("the owner of a user namespace has every capability in it, but nobody of the inside has one outside") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const UserNamespaceId initial = kernel.initial_user_namespace;
  const UserNamespaceId inner = space_below(kernel, initial, 1000);
  CHECK(capable(kernel, user(initial, 1000), cap::sys_admin, inner));
  CHECK_FALSE(capable(kernel, user(initial, 1001), cap::sys_admin, inner));
  Credentials inside = user(inner, 1000);
  inside.effective = kAllCapabilities;
  CHECK(capable(kernel, inside, cap::sys_admin, inner));
  CHECK_FALSE(capable(kernel, inside, cap::sys_admin, initial));
}

TEST_CASE("ids are mapped through every namespace above") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const UserNamespaceId middle = space_below(kernel, kernel.initial_user_namespace, 0);
  kernel.user_namespaces[middle].uid_map = {{0, 100000, 1000}};
  const UserNamespaceId inner = space_below(kernel, middle, 0);
  kernel.user_namespaces[inner].uid_map = {{5, 10, 2}};
  CHECK(uid_from(kernel, inner, 5) == 100010);
  CHECK(uid_into(kernel, inner, 100011) == 6);
  CHECK_FALSE(uid_from(kernel, inner, 7).has_value());
  CHECK_FALSE(uid_into(kernel, inner, 10).has_value());
  CHECK_FALSE(uid_from(kernel, kernel.initial_user_namespace, 0xffffffff).has_value());
}

TEST_CASE("execve gives root all of the bounding set, and an ordinary user his ambient capabilities only") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  Credentials root = user(kernel.initial_user_namespace, 0);
  root.bounding = capability_bit(cap::chown) | capability_bit(cap::kill);
  CHECK(credentials_after_exec(kernel, root, 0755, 0, 0, true, nullptr).effective == root.bounding);
  root.securebits = securebit::noroot;
  CHECK(credentials_after_exec(kernel, root, 0755, 0, 0, true, nullptr).effective == 0);
  Credentials ordinary = user(kernel.initial_user_namespace, 1000);
  ordinary.permitted = ordinary.inheritable = ordinary.ambient = capability_bit(cap::chown);
  CHECK(credentials_after_exec(kernel, ordinary, 0755, 0, 0, true, nullptr).effective == capability_bit(cap::chown));
}

TEST_CASE("a set-user-ID file changes the effective and saved user, unless no_new_privs or nosuid forbid it") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  Credentials who = user(kernel.initial_user_namespace, 1000);
  who.bounding = kAllCapabilities;
  bool secure = false;
  const Credentials after = credentials_after_exec(kernel, who, 04755, 0, 0, true, &secure);
  CHECK(after.uid == 1000);
  CHECK(after.euid == 0);
  CHECK(after.suid == 0);
  CHECK(after.effective == kAllCapabilities);
  CHECK(secure);
  CHECK(credentials_after_exec(kernel, who, 04755, 0, 0, false, nullptr).euid == 1000);
  who.no_new_privs = true;
  CHECK(credentials_after_exec(kernel, who, 04755, 0, 0, true, nullptr).euid == 1000);
}

TEST_CASE("a map is refused when lines overlap, are empty or go over the end") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const Credentials root = kernel.tasks[booted.machine().init()].credentials;
  for (const char* bad : {"", "0 0", "0 0 0", "0 0 1 1", "0 0 2\n1 9 1", "4294967295 0 1", "0 4294967290 9", "a 0 1"}) {
    const UserNamespaceId inner = space_below(kernel, kernel.initial_user_namespace, 0);
    CHECK_MESSAGE(!write_id_map(booted.caller(), root, inner, false, bad).ok(), bad);
  }
  const UserNamespaceId inner = space_below(kernel, kernel.initial_user_namespace, 0);
  CHECK(write_id_map(booted.caller(), root, inner, false, "0 1000 1\n1 100000 65535\n").ok());
  CHECK(write_id_map(booted.caller(), root, inner, false, "0 1000 1").error() == Errno::eperm);
}
