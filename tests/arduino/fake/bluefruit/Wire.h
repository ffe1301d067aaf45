#pragma once

struct FakeWire {};
extern FakeWire Wire1;
