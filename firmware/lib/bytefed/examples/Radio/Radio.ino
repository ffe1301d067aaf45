// Learns over Bluetooth LE on boards with ArduinoBLE 1.5.0, such as the Nano 33 BLE. It takes ready features from the host.
//
// Its radio is open: everybody near can read and change what is said. For links that are sealed with a key look at
// bytefed::SealedLink, and at the firmware that `bytefed flash` builds.
//
//   bytefed run --open --boards ble:bytefed-1234 --data FILE.npz
#include <ArduinoBLE.h>
#include <bytefed.h>

static bytefed::StaticMemory<64, 10, 200, 32> memory;  // a head of 64 features and 10 classes

static BLEService service("d25a0001-4fed-4035-8828-8fd0ea87845b");  // SPEC 1.2
static BLECharacteristic rx("d25a0002-4fed-4035-8828-8fd0ea87845b", BLEWrite | BLEWriteWithoutResponse, 244);
static BLECharacteristic tx("d25a0003-4fed-4035-8828-8fd0ea87845b", BLENotify, 244);
static uint8_t frame[244];  // that came and waits for loop(); the host sends no second one before its answer
static size_t frame_length = 0;

static uint32_t now(void*) { return millis(); }
static bool send(void*, const uint8_t* bytes, size_t count) {
  if (BLE.connected() && tx.subscribed()) tx.writeValue(bytes, static_cast<int>(count));
  return true;
}
static void written(BLEDevice, BLECharacteristic) {
  frame_length = static_cast<size_t>(rx.valueLength());
  memcpy(frame, rx.value(), frame_length);
}

static bytefed::Identity identity() {
  bytefed::Identity me = {};
  me.uid = 0x1234;               // no two boards have the same
  me.boot = random(1, 0x10000);  // another one at each start
  me.capabilities = bytefed::Board::kOpen;
  return me;
}
static bytefed::Port port() {
  bytefed::Port port = {};
  port.millis = now;
  return port;
}

void setup() {
  randomSeed(analogRead(A0) + micros());
  while (BLE.begin() == 0) {  // no radio, no board
  }
  BLE.setLocalName("bytefed-1234");
  BLE.setAdvertisedService(service);
  service.addCharacteristic(rx);
  service.addCharacteristic(tx);
  BLE.addService(service);
  rx.setEventHandler(BLEWritten, written);
  BLE.advertise();
}

void loop() {
  static bytefed::Session session(memory.view(), identity(), port());
  static bytefed::Link link = {};
  link.send = send;
  link.frame_limit = 244;
  link.window = 1;  // chunks in one burst
  BLE.poll();
  if (!BLE.connected()) session.closed(&link);
  if (frame_length > 0) {
    session.receive(&link, frame, frame_length);
    frame_length = 0;
  }
  session.poll();  // answers, or trains one mini-batch
}
