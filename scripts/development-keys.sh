#!/usr/bin/env bash
# Makes the keys that sign update bundles: a certificate authority, and a signing certificate issued by it. Development
# keys are made per build machine and stay in target/; a release is signed with keys that are kept elsewhere:
#   scripts/development-keys.sh FOLDER ["Common name"]
# Existing files are never replaced, as devices trust the authority that they were installed with.
set -euo pipefail

folder=${1:?"folder for the keys"}
name=${2:-"Crier development"}
[ ! -f "$folder/keyring.pem" ] || exit 0
mkdir -p "$folder"
chmod 700 "$folder"
cat >"$folder/openssl.cnf" <<CONFIGURATION
[req]
distinguished_name = name
prompt = no
[name]
CN = $name
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CONFIGURATION
ca() { openssl "$@" 2>/dev/null || { echo "development-keys.sh: openssl $1 failed" >&2; exit 1; }; }
ca req -x509 -newkey rsa:3072 -nodes -sha256 -days 3650 -config "$folder/openssl.cnf" -extensions authority \
    -keyout "$folder/authority.key" -out "$folder/authority.pem"
ca req -new -newkey rsa:3072 -nodes -sha256 -subj "/CN=$name signer" -config "$folder/openssl.cnf" \
    -keyout "$folder/signing.key" -out "$folder/signing.csr"
ca x509 -req -in "$folder/signing.csr" -CA "$folder/authority.pem" -CAkey "$folder/authority.key" -CAcreateserial \
    -sha256 -days 1825 -extfile "$folder/openssl.cnf" -extensions signer -out "$folder/signing.pem"
rm -f "$folder/signing.csr" "$folder/openssl.cnf"
cp "$folder/authority.pem" "$folder/keyring.pem"
