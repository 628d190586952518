#pragma once
// A certificate authority, a server's and a client's certificate, made for one test.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace drydock::native::test {

class TlsFiles {
 public:
  TlsFiles() {
    char folder[] = "/tmp/drydock-tls-test-XXXXXX";
    folder_ = ::mkdtemp(folder);
    EVP_PKEY* const ca_key = EVP_EC_gen("P-256");
    X509* const ca = make(ca_key, "drydock test CA", "CA:TRUE", nullptr, nullptr, ca_key);
    write("ca", ca, ca_key);
    for (const char* name : {"server", "client"}) {
      EVP_PKEY* const key = EVP_EC_gen("P-256");
      X509* const certificate = make(key, name, "CA:FALSE", "IP:127.0.0.1,DNS:localhost", ca, ca_key);
      write(name, certificate, key);
      X509_free(certificate);
      EVP_PKEY_free(key);
    }
    X509_free(ca);
    EVP_PKEY_free(ca_key);
  }
  ~TlsFiles() { std::filesystem::remove_all(folder_); }

  std::string folder() const { return folder_; }
  std::string certificate(const std::string& name) const { return folder_ + "/" + name + ".pem"; }
  std::string key(const std::string& name) const { return folder_ + "/" + name + "-key.pem"; }

 private:
  static X509* make(EVP_PKEY* key, const char* name, const char* constraints, const char* names, X509* issuer,
                    EVP_PKEY* issuer_key) {
    static long serial = 1;
    X509* const made = X509_new();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(issuer != nullptr ? issuer : made));
    add_extension(made, NID_basic_constraints, constraints);
    if (names != nullptr) add_extension(made, NID_subject_alt_name, names);
    X509_sign(made, issuer_key, EVP_sha256());
    return made;
  }
  static void add_extension(X509* certificate, int nid, const char* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  void write(const std::string& name, X509* made, EVP_PKEY* private_key) const {
    std::FILE* file = std::fopen(certificate(name).c_str(), "w");
    PEM_write_X509(file, made);
    std::fclose(file);
    file = std::fopen(key(name).c_str(), "w");
    PEM_write_PrivateKey(file, private_key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }

  std::string folder_;
};

}  // namespace drydock::native::test
