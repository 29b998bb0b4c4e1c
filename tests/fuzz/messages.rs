//! Greetings, logins, COM_CHANGE_USER: what was encoded is decoded, and nothing panics.

use lanewire::protocol::{
    Attributes, Capabilities, ChangeUser, FirstPacket, Greeting, Login, StatusFlags,
};

use crate::run::{Random, fuzz};

/// Capabilities with what the message at hand needs; MariaDB's half only where it can be said.
fn capabilities(random: &mut Random) -> Capabilities {
    let caps = Capabilities::from_bits_retain(random.next())
        | Capabilities::PROTOCOL_41
        | Capabilities::SECURE_CONNECTION;
    if caps.contains(Capabilities::LONG_PASSWORD) {
        return Capabilities::from_halves(caps.mysql(), 0);
    }
    caps
}

fn attributes(random: &mut Random) -> Attributes {
    (0..random.below(4)).map(|_| (random.bytes(20), random.bytes(300))).collect()
}

fn some(random: &mut Random) -> Option<Vec<u8>> {
    Some(random.text(60)).filter(|text| !text.is_empty())
}

#[test]
fn greetings() {
    fuzz("greetings", |random| {
        let mut scramble = [0; 20];
        scramble.fill_with(|| random.byte());
        let greeting = Greeting {
            version: random.text(60),
            thread_id: u32::try_from(random.next() >> 32).unwrap(),
            scramble,
            capabilities: capabilities(random) | Capabilities::PLUGIN_AUTH,
            collation: random.byte(),
            status: StatusFlags::from_bits_retain(u16::from(random.byte()) << 4),
            auth_plugin: random.text(30),
        };
        let mut payload = greeting.encode();
        assert_eq!(Greeting::decode(&payload), Ok(greeting));
        random.spoil(&mut payload);
        if let Ok(read) = Greeting::decode(&payload) {
            assert_eq!(Greeting::decode(&read.encode()).as_ref(), Ok(&read));
        }
    });
}

#[test]
fn logins() {
    fuzz("logins", |random| {
        let mut login = Login {
            capabilities: capabilities(random),
            max_packet: u32::from(random.byte()) << 20,
            collation: random.byte(),
            user: random.text(80),
            auth_response: random.bytes(300),
            schema: some(random),
            auth_plugin: some(random),
            attributes: Vec::new(),
        };
        if login.capabilities.contains(Capabilities::CONNECT_ATTRS) {
            login.attributes = attributes(random);
        }
        login.capabilities = login.wire_capabilities();
        let mut payload = login.encode();
        assert_eq!(Login::decode(&payload), Ok(login));
        random.spoil(&mut payload);
        if let Ok(FirstPacket::Login(read)) = FirstPacket::decode(&payload) {
            let mut again = Login::decode(&read.encode()).expect("our own encoding");
            // Flags without their field are dropped in encoding.
            assert_eq!(again.capabilities, read.wire_capabilities());
            again.capabilities = read.capabilities;
            assert_eq!(again, read);
        }
    });
}

#[test]
fn change_user() {
    fuzz("change_user", |random| {
        let caps = capabilities(random);
        let plugin = random.text(40);
        let has_attributes = caps.contains(Capabilities::CONNECT_ATTRS);
        let change = ChangeUser {
            user: random.text(80),
            auth_response: random.bytes(255),
            schema: some(random),
            collation: Some(u16::from(random.byte()) << 3),
            auth_plugin: caps.contains(Capabilities::PLUGIN_AUTH).then_some(plugin),
            attributes: if has_attributes { attributes(random) } else { Vec::new() },
        };
        let mut payload = change.encode(caps).expect("255 bytes at most");
        assert_eq!(ChangeUser::decode(&payload, caps), Ok(change));
        random.spoil(&mut payload);
        if let Ok(read) = ChangeUser::decode(&payload, caps)
            && read.auth_plugin.is_some()
        {
            let again = read.encode(caps).expect("it was read from one length byte");
            assert_eq!(ChangeUser::decode(&again, caps), Ok(read));
        }
    });
}
