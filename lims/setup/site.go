// Package setup puts a laboratory on record from one file: laboratories, departments, rules, kits, instruments, people, destinations.
//
// It never changes or removes what is there: running the same file again adds only what is new, and says of every entry whether it
// was added or known. Passwords and tokens are made here and told once.
package setup

import (
	"time"

	"natlims/lims"
)

// Site is the file. Everything is named by its code; a code that is on record already is left as it is.
type Site struct {
	Labs []struct {
		Code     string `yaml:"code"`
		Zh       string `yaml:"zh"`
		En       string `yaml:"en"`
		Zone     string `yaml:"zone"`     // default Asia/Shanghai
		Capacity int    `yaml:"capacity"` // person-tests a day
	} `yaml:"labs"`
	Departments []struct {
		Code string `yaml:"code"`
		Zh   string `yaml:"zh"`
		En   string `yaml:"en"`
		Kind string `yaml:"kind"` // fever_clinic, sentinel, cdc, cold_chain, community, hospital, command
		Area string `yaml:"area"` // GB/T 2260
	} `yaml:"departments"`
	Policy *struct {
		Name    string                        `yaml:"name"`
		Source  string                        `yaml:"source"` // the document it comes from
		From    time.Time                     `yaml:"from"`
		Limits  map[lims.Category]lims.Limit  `yaml:"limits"`  // minutes: a collection to result, b receipt to result
		Pooling map[lims.Category][]lims.Mode `yaml:"pooling"` // modes of collection besides single
	} `yaml:"policy"`
	People []struct {
		Login      string      `yaml:"login"`
		Name       string      `yaml:"name"`
		Lab        string      `yaml:"lab"`
		Department string      `yaml:"department"`
		Roles      []lims.Role `yaml:"roles"`
		Lang       string      `yaml:"lang"`
		Scopes     []string    `yaml:"scopes"` // a program: it gets a token with these scopes and no password
		Instrument string      `yaml:"instrument"`
	} `yaml:"people"`
	Kits []struct {
		Kit     string `yaml:"kit"`           // id of a shipped kit, or a file
		Approve string `yaml:"approve"`       // login of the supervisor who has confirmed the insert
		Insert  string `yaml:"insert_sha256"` // of the insert's document
	} `yaml:"kits"`
	Lots []struct {
		Lab     string `yaml:"lab"`
		Kit     string `yaml:"kit"`
		Number  string `yaml:"number"`
		Expires string `yaml:"expires"` // 2006-01-02
	} `yaml:"lots"`
	Instruments []struct {
		Lab      string         `yaml:"lab"`
		Code     string         `yaml:"code"`
		Model    string         `yaml:"model"`
		Serial   string         `yaml:"serial"`
		Driver   string         `yaml:"driver"`   // empty: recognised by content
		Line     string         `yaml:"line"`     // serial, tcp-listen, tcp-dial, folder, push
		Protocol string         `yaml:"protocol"` // astm, hl7, raw, file
		Address  string         `yaml:"address"`
		Settings map[string]any `yaml:"settings"`
	} `yaml:"instruments"`
	Destinations []struct {
		Department string            `yaml:"department"`
		Name       string            `yaml:"name"`
		Line       string            `yaml:"line"` // department, cdc, command
		Format     string            `yaml:"format"`
		Channel    string            `yaml:"channel"`
		Address    string            `yaml:"address"`
		SecretFile string            `yaml:"secret_file"` // shared with the receiver, at least 16 bytes; empty: one is made and told
		Options    map[string]string `yaml:"options"`
	} `yaml:"destinations"`
}

// Example is a file to begin with.
const Example = `# What this laboratory is. Run: lims setup lab.yaml — as often as you like; only what is new is added.
labs:
  - {code: L1, zh: 市第一核酸检测实验室, en: First City Laboratory, capacity: 2000}
departments:
  - {code: FC1, zh: 市第一人民医院发热门诊, en: First Hospital Fever Clinic, kind: fever_clinic, area: "510900"}
policy:
  name: city order
  source: health order of 2021-01, six hours from receipt
  from: 2021-01-01T00:00:00+08:00
  limits: # minutes
    close_contact: {a: 720, b: 360}
    key_person:    {a: 720, b: 360}
    fever_clinic:  {a: 720, b: 360}
    cold_chain:    {a: 720, b: 360}
    screening:     {a: 1440, b: 720}
    voluntary:     {a: 1440, b: 1440}
  pooling: # who may share a tube
    screening: [household, mixed5, mixed10]
people: # passwords are made and told once
  - {login: li,   name: 李强, lab: L1, roles: [technician]}
  - {login: wang, name: 王芳, lab: L1, roles: [checker]}
  - {login: zhao, name: 赵敏, lab: L1, roles: [releaser]}
  - {login: sun,  name: 孙丽, lab: L1, roles: [supervisor]}
  - {login: fc1,  name: 发热门诊, department: FC1, roles: [department]}
  - {login: his-fc1, name: FC1 HIS, department: FC1, roles: [machine], scopes: ["orders:write", "results:read", "deliveries:write"]}
kits: # daan and sansure come with the program; their insert must be confirmed by a supervisor
  - {kit: sansure, approve: sun, insert_sha256: 0000000000000000000000000000000000000000000000000000000000000000}
lots:
  - {lab: L1, kit: sansure, number: "2026031", expires: 2027-03-31}
instruments:
  - {lab: L1, code: QS5-1, model: QuantStudio 5, line: folder, protocol: file, address: /srv/instruments/qs5-1}
  - {lab: L1, code: SLAN-1, model: SLAN-96P, line: tcp-listen, protocol: hl7, address: "0.0.0.0:4001"}
  - {lab: L1, code: GX-1, model: GeneXpert, line: serial, protocol: astm, address: /dev/ttyUSB0, settings: {baud: 9600}}
destinations:
  - {department: FC1, name: HIS, line: department, format: json, channel: webhook, address: https://his.example.org/results}
`
