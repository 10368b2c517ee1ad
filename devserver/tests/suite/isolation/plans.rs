//! Every way to build a sandbox that this kernel allows, not the strongest alone.

use crate::client::DevServer;
use daytona_dev::isolation::{Ids, Layer, Plan, Tree};
use daytona_dev::{Options, Wanted};

/// A server for each of them, with its name. One that the kernel refuses is named in a printed line; what
/// works with the stronger of two layers or trees has to work with the weaker.
pub async fn servers(test: &str) -> Vec<(String, DevServer)> {
    let mut servers = Vec::new();
    let mut working: Vec<Plan> = Vec::new();
    let is_root = nix::unistd::geteuid().is_root();
    for plan in Plan::candidates(is_root) {
        let name = name(plan);
        let options = Options { isolation: Wanted::Required, plan: Some(plan), ..Options::default() };
        match daytona_dev::Server::start(options).await {
            Ok(server) => {
                servers.push((name, DevServer::around(server)));
                working.push(plan);
            }
            Err(error) => {
                assert!(!working.iter().any(|other| other.ids == plan.ids), "{name}: {error}");
                println!("isolation: {test} not with {name}: {error}");
            }
        }
    }
    if servers.is_empty() {
        println!("= isolation: {test} skipped: there is no way to isolate here");
    }
    servers
}

fn name(plan: Plan) -> String {
    let ids = match plan.ids {
        Ids::Shifted(_) => "shifted ids",
        Ids::Identity => "the machine's ids",
        Ids::Own => "the user's id",
    };
    let tree = match plan.tree {
        Tree::Overlay => "overlays",
        Tree::Binds => "binds",
    };
    let layer = match plan.layer {
        Layer::Image => "an image",
        Layer::Memory => "memory",
    };
    format!("{ids}, {tree}, {layer}")
}

/// What holds in every sandbox, however it is built.
#[tokio::test]
async fn every_plan_keeps_the_machines_files_and_gives_a_private_home() {
    for (plan, dev_server) in servers("every plan").await {
        let secret = super::Secret::new();
        let sandbox = dev_server.sandbox().await;
        let path = secret.path().display().to_string();
        let seen = sandbox.executes(&format!("cat {path} /proc/1/root{path}")).await.1;
        assert!(!seen.contains(super::CONTENT), "{plan}: {seen}");
        sandbox.executes(&format!("rm -rf {path} /etc/passwd; umount -l /tmp; rm -rf {path}")).await;
        secret.assert_unharmed();
        assert!(std::path::Path::new("/etc/passwd").exists(), "{plan}");
        let places = ["/home/daytona/x", "/tmp/x", "/var/tmp/x", "/run/x"];
        for place in places {
            sandbox.output(&format!("echo 'of a plan' >{place}")).await;
        }
        let path = format!("/sandbox/{}", sandbox.id);
        dev_server.post(&format!("{path}/stop"), serde_json::json!({})).await;
        dev_server.wait_for(&sandbox.id, "stopped").await;
        dev_server.post(&format!("{path}/start"), serde_json::json!({})).await;
        dev_server.wait_for(&sandbox.id, "started").await;
        for place in places {
            assert_eq!(sandbox.output(&format!("cat {place}")).await, "of a plan", "{plan} {place}");
        }
    }
}
