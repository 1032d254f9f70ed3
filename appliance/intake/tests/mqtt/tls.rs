//! TLS, with certificates made by openssl for each test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crier_config::{ClientCertificate, MqttVersion, Tls};
use crier_intake::mqtt::MqttOptions;

use crate::appliance::{Appliance, VERSIONS, settings};
use crate::broker::Mosquitto;

/// Runs openssl in this folder.
fn openssl(folder: &Path, arguments: &str) {
    let status = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("openssl is installed").success(), "openssl {arguments}");
}

/// Makes a key and a self-signed certificate.
fn authority(folder: &Path, name: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(folder, &format!("req -x509 {key} -keyout {name}.key -out {name}.pem -subj /CN={name} -days 2"));
}

/// Makes a key and a certificate signed by `authority`.
fn certificate(folder: &Path, name: &str, authority: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(folder, &format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
    fs::write(folder.join("extensions"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
    let signed = format!("-CA {authority}.pem -CAkey {authority}.key -CAcreateserial -extfile extensions");
    openssl(folder, &format!("x509 -req -in {name}.csr -out {name}.pem -days 2 {signed}"));
    fs::set_permissions(folder.join(format!("{name}.key")), fs::Permissions::from_mode(0o600)).unwrap();
}

/// Returns options with the certificate of an authority and optionally one of the appliance.
fn encrypted(broker: &Mosquitto, version: MqttVersion, authority: &str, own: Option<&str>) -> MqttOptions {
    let file = |name: String| broker.folder.path().join(name);
    let mut settings = settings(broker.port, version);
    settings.broker.tls = Some(Tls {
        ca_file: Some(file(format!("{authority}.pem"))),
        client_certificate: own.map(|name| ClientCertificate {
            certificate_file: file(format!("{name}.pem")),
            key_file: file(format!("{name}.key")),
        }),
    });
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutual_tls_connects_and_tls_failures_are_distinguished() {
    let make = |folder: &Path| {
        authority(folder, "ca");
        authority(folder, "stranger");
        certificate(folder, "broker", "ca");
        certificate(folder, "appliance", "ca");
        let path = folder.display();
        format!(
            "allow_anonymous true\nrequire_certificate true\ncafile {path}/ca.pem\ncertfile {path}/broker.pem\n\
             keyfile {path}/broker.key"
        )
    };
    let Some(broker) = Mosquitto::configured(make, None) else { return };
    for version in VERSIONS {
        let mut appliance = Appliance::start(encrypted(&broker, version, "ca", Some("appliance")));
        assert!(appliance.up().await.contains(", encrypted"));
        appliance.end().await;

        let down = async |settings: MqttOptions| {
            let mut appliance = Appliance::start(settings);
            let detail = appliance.down().await;
            appliance.end().await;
            detail
        };
        let untrusted = down(encrypted(&broker, version, "stranger", Some("appliance"))).await;
        assert!(untrusted.contains("not trusted"), "{untrusted}");
        let anonymous = down(encrypted(&broker, version, "ca", None)).await;
        assert!(anonymous.contains("TLS fails"), "{anonymous}");
        let plain = down(settings(broker.port, version)).await;
        assert!(plain.contains("did not answer the MQTT handshake"), "{plain}");
        let key = broker.folder.path().join("appliance.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let exposed = down(encrypted(&broker, version, "ca", Some("appliance"))).await;
        assert!(exposed.contains("chmod 600"), "{exposed}");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
}
