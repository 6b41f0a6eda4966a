package web

import (
	"strings"

	"natlims/lims"
)

// route is one row of the table of all pages.
type route struct {
	pattern string
	public  bool        // for people who are not signed in as well
	who     []lims.Role // who may; every route that is not public names its roles
	do      func(*site, *visit) error
	back    func(*site, *visit) error // the page on which a refusal of do is shown
}

var (
	anyone = []lims.Role{lims.Technician, lims.Checker, lims.Releaser, lims.Supervisor, lims.Desk, lims.Admin}
	lab    = []lims.Role{lims.Technician, lims.Checker, lims.Releaser, lims.Supervisor}
	field  = []lims.Role{lims.Desk, lims.Technician, lims.Supervisor}
	bench  = []lims.Role{lims.Technician, lims.Supervisor}
	signer = []lims.Role{lims.Checker, lims.Releaser, lims.Supervisor}
	chief  = []lims.Role{lims.Supervisor}
	reader = []lims.Role{lims.Desk, lims.Checker, lims.Releaser, lims.Supervisor}
	admin  = []lims.Role{lims.Admin}
	caller = []lims.Role{lims.Desk, lims.Technician, lims.Checker, lims.Releaser, lims.Supervisor} // who calls people back
	keeper = []lims.Role{lims.Supervisor, lims.Admin}                                              // of kits

	quality = []lims.Role{lims.Technician, lims.Checker, lims.Releaser, lims.Supervisor, lims.Admin}
)

var routes = []route{
	{"GET /signin", true, nil, (*site).signInPage, nil},
	{"POST /signin", true, nil, (*site).signIn, (*site).signInPage},
	{"POST /signout", true, nil, (*site).signOut, nil},
	{"POST /lang", true, nil, (*site).switchLang, nil},
	{"GET /{$}", false, anyone, (*site).home, nil},
	{"GET /me", false, anyone, (*site).me, nil},
	{"POST /me/password", false, anyone, (*site).ownPassword, (*site).me},

	{"GET /intake", false, field, (*site).intake, nil},
	{"POST /intake/order", false, field, (*site).registerOne, (*site).intake},
	{"POST /intake/list", false, field, (*site).registerList, (*site).intake},
	{"GET /collect", false, field, (*site).collect, nil},
	{"POST /collect/open", false, field, (*site).openTube, (*site).collect},
	{"POST /collect/add", false, field, (*site).addSwab, (*site).collect},
	{"POST /collect/remove", false, field, (*site).removeSwab, (*site).collect},
	{"POST /collect/close", false, field, (*site).closeTube, (*site).collect},
	{"POST /collect/drop", false, field, (*site).dropTube, (*site).collect},
	{"GET /pack", false, field, (*site).pack, nil},
	{"POST /pack", false, field, (*site).dispatch, (*site).pack},

	{"GET /receipt", false, bench, (*site).receipt, nil},
	{"GET /receipt/{box}", false, bench, (*site).box, nil},
	{"POST /receipt/{box}/scan", false, bench, (*site).scan, (*site).box},
	{"POST /receipt/{box}/close", false, bench, (*site).closeBox, (*site).box},
	{"POST /exceptions/{exception}/close", false, bench, (*site).closeException, (*site).receipt},
	{"POST /tubes/{barcode}/reject", false, bench, (*site).reject, (*site).tube},

	{"GET /bench", false, lab, (*site).bench, nil},
	{"POST /bench/plates", false, bench, (*site).lay, (*site).bench},
	{"GET /plates", false, lab, (*site).plates, nil},
	{"GET /plates/{plate}", false, lab, (*site).plate, nil},
	{"GET /plates/{plate}/setup", false, bench, (*site).setup, nil},
	{"POST /plates/{plate}/setup", false, bench, (*site).dropSetup, (*site).plate},
	{"POST /plates/{plate}/seal", false, bench, (*site).seal, (*site).plate},
	{"POST /plates/{plate}/unseal", false, bench, (*site).unseal, (*site).plate},
	{"POST /plates/{plate}/start", false, bench, (*site).start, (*site).plate},
	{"POST /plates/{plate}/void", false, bench, (*site).void, (*site).plate},

	{"GET /pools", false, lab, (*site).pools, nil},
	{"GET /pools/plan", false, bench, (*site).poolPlanner, nil},
	{"POST /pools/plan", false, bench, (*site).makePools, (*site).poolPlanner},
	{"GET /pools/picture", false, bench, (*site).poolPicture, nil},
	{"GET /pools/watch", false, lab, (*site).poolWatch, nil},
	{"POST /pools/watch/rules", false, chief, (*site).setPoolRules, (*site).poolWatch},
	{"POST /pools/watch/validate", false, chief, (*site).validatePool, (*site).poolWatch},
	{"POST /pools/watch/end", false, chief, (*site).endValidation, (*site).poolWatch},
	{"POST /pools/watch/partner", false, chief, (*site).setPartner, (*site).poolWatch},
	{"POST /pools/watch/grant", false, chief, (*site).allowPooling, (*site).poolWatch},
	{"GET /pools/batches/{batch}", false, lab, (*site).poolBatch, nil},
	{"GET /pools/batches/{batch}/worklist", false, bench, (*site).poolWorklist, nil},
	{"POST /pools/batches/{batch}/drop", false, bench, (*site).dropPools, (*site).poolBatch},
	{"GET /pools/{pool}", false, lab, (*site).pool, nil},
	{"POST /pools/{pool}/mix", false, bench, (*site).mixPool, (*site).pool},
	{"POST /pools/{pool}/sign", false, signer, (*site).signPool, (*site).pool},
	{"POST /pools/{pool}/drop", false, bench, (*site).dropPool, (*site).pool},
	{"GET /forward/{pool}", false, chief, (*site).forwardLook, nil},
	{"POST /forward/{pool}", false, chief, (*site).forwardPool, (*site).forwardLook},
	{"POST /pools/{pool}/discordance", false, chief, (*site).closeDiscordance, (*site).pool},
	{"GET /recalls", false, caller, (*site).recalls, nil},
	{"GET /tubes/{barcode}/proof", false, lab, (*site).proof, nil},
	{"POST /tubes/{barcode}/volume", false, bench, (*site).measureTube, (*site).proof},

	{"GET /instruments", false, lab, (*site).instruments, nil},
	{"GET /instruments/{instrument}", false, lab, (*site).instrument, nil},
	{"POST /instruments/{instrument}/senders/{sender}/forget", false, chief, (*site).forgetSender, (*site).instrument},
	{"POST /instruments/{instrument}/work", false, chief, (*site).setWork, (*site).instrument},
	{"GET /instruments/{instrument}/mapping", false, lab, (*site).mapping, nil},
	{"POST /instruments/{instrument}/mapping", false, chief, (*site).saveMapping, (*site).mapping},
	{"POST /instruments/{instrument}/mapping/try", false, chief, (*site).tryMapping, (*site).mapping},
	{"POST /instruments/{instrument}/mapping/drop", false, chief, (*site).dropMapping, (*site).mapping},
	{"GET /dark", false, lab, (*site).dark, nil},
	{"GET /disputes", false, lab, (*site).disputes, nil},
	{"POST /disputes/{dispute}/settle", false, chief, (*site).settleDispute, (*site).disputes},
	{"GET /messages", false, lab, (*site).messages, nil},
	{"GET /messages/{message}", false, lab, (*site).message, nil},
	{"POST /messages/{message}/raw", false, chief, (*site).raw, (*site).message},
	{"POST /messages/{message}/bind", false, chief, (*site).bind, (*site).message},
	{"POST /messages/{message}/ignore", false, bench, (*site).ignore, (*site).message},
	{"POST /messages/{message}/retry", false, bench, (*site).retry, (*site).message},
	{"POST /messages/{message}/adopt", false, chief, (*site).adopt, (*site).message},
	{"GET /messages/{message}/replay", false, chief, (*site).replayLook, nil},
	{"POST /messages/{message}/replay", false, chief, (*site).replayApply, (*site).replayLook},

	{"GET /review", false, lab, (*site).work, nil},
	{"GET /review/loose", false, lab, (*site).loose, nil},
	{"POST /review/loose/sign", false, signer, (*site).signLoose, (*site).loose},
	{"GET /review/{plate}", false, lab, (*site).review, nil},
	{"POST /review/{plate}/sign", false, signer, (*site).signPlate, (*site).review},
	{"GET /amendments", false, lab, (*site).amendments, nil},
	{"POST /amendments", false, chief, (*site).openAmendment, (*site).amendments},
	{"GET /amendments/{amendment}", false, lab, (*site).amendment, nil},
	{"POST /amendments/{amendment}/retest", false, chief, (*site).retestAmended, (*site).amendment},
	{"POST /amendments/{amendment}/correct", false, chief, (*site).correct, (*site).amendment},
	{"POST /amendments/{amendment}/drop", false, chief, (*site).dropAmendment, (*site).amendment},
	{"POST /amendments/{amendment}/sign", false, signer, (*site).signAmended, (*site).amendment},

	{"GET /results", false, reader, (*site).results, nil},
	{"GET /results/report", false, reader, (*site).report, nil},
	{"GET /deliveries", false, anyone, (*site).deliveries, nil},
	{"GET /deliveries/{delivery}", false, anyone, (*site).delivery, nil},
	{"POST /deliveries/{delivery}/requeue", false, chief, (*site).requeue, (*site).deliveries},
	{"POST /deliveries/{delivery}/acknowledge", false, []lims.Role{lims.Desk}, (*site).acknowledgeDelivery, (*site).deliveries},
	{"GET /alerts", false, lab, (*site).alerts, nil},
	{"POST /alerts/{alert}/acknowledge", false, lab, (*site).acknowledge, (*site).alerts},
	{"POST /alerts/{alert}/resolve", false, signer, (*site).resolve, (*site).alerts},
	{"GET /board", false, anyone, (*site).boardPage, nil},

	{"GET /find", false, anyone, (*site).find, nil},
	{"GET /tubes/{barcode}", false, anyone, (*site).tube, nil},
	{"POST /tubes/{barcode}/reveal", false, reader, (*site).reveal, (*site).tube},
	{"GET /orders/{order}", false, anyone, (*site).order, nil},

	{"GET /kits", false, quality, (*site).kitList, nil},
	{"POST /kits", false, keeper, (*site).kitUpload, (*site).kitList},
	{"GET /kits/{kit}", false, quality, (*site).kitView, nil},
	{"POST /kits/{kit}/approve", false, chief, (*site).kitApprove, (*site).kitView},
	{"POST /lots", false, bench, (*site).lotAdd, (*site).kitList},
	{"POST /lots/{lot}/block", false, chief, (*site).lotBlock, (*site).kitList},
	{"GET /iqc", false, quality, (*site).iqc, nil},
	{"POST /iqc/lots", false, bench, (*site).iqcLot, (*site).iqc},
	{"POST /iqc/goals", false, chief, (*site).iqcGoal, (*site).iqc},
	{"POST /iqc/events/{event}/close", false, chief, (*site).iqcClose, (*site).iqc},
	{"GET /agreement", false, quality, (*site).agreement, nil},
	{"GET /rules", false, quality, (*site).rules, nil},
	{"POST /rules/auto", false, chief, (*site).setAuto, (*site).rules},
	{"POST /rules/parallel", false, chief, (*site).setPairing, (*site).rules},
	{"POST /rules/{rules}/accept", false, signer, (*site).acceptRules, (*site).rules},
	{"POST /rules/{rules}/end", false, chief, (*site).endRules, (*site).rules},
	{"GET /limits", false, quality, (*site).limits, nil},
	{"POST /limits", false, chief, (*site).setLimits, (*site).limits},
	{"POST /limits/{rules}/end", false, chief, (*site).endLimits, (*site).limits},
	{"GET /worklist", false, quality, (*site).worklist, nil},
	{"POST /messages/{message}/fixes", false, chief, (*site).proposeFix, (*site).message},
	{"POST /messages/{message}/fixes/{fix}/confirm", false, chief, (*site).confirmFix, (*site).message},
	{"POST /messages/{message}/fixes/{fix}/decline", false, chief, (*site).declineFix, (*site).message},
	{"POST /review/{plate}/flags", false, signer, (*site).touchFlags, (*site).review},
	{"POST /review/{plate}/pair", false, chief, (*site).resolvePair, (*site).review},
	{"POST /tubes/{barcode}/pair", false, bench, (*site).askPair, (*site).tube},

	{"GET /people", false, admin, (*site).people, nil},
	{"POST /people", false, admin, (*site).addPerson, (*site).people},
	{"POST /people/{person}/active", false, admin, (*site).setActive, (*site).people},
	{"POST /people/{person}/password", false, admin, (*site).setPassword, (*site).people},

	{"GET /settings", false, admin, (*site).settings, nil},
	{"GET /settings/labs", false, admin, (*site).labs, nil},
	{"POST /settings/labs", false, admin, (*site).saveLab, (*site).labs},
	{"GET /settings/departments", false, admin, (*site).departments, nil},
	{"POST /settings/departments", false, admin, (*site).saveDepartment, (*site).departments},
	{"GET /settings/instruments", false, admin, (*site).lines, nil},
	{"POST /settings/instruments", false, admin, (*site).saveLine, (*site).line},
	{"GET /settings/instruments/{instrument}", false, admin, (*site).line, nil},
	{"POST /settings/instruments/{instrument}/active", false, admin, (*site).activateLine, (*site).line},
	{"GET /settings/destinations", false, admin, (*site).destinations, nil},
	{"POST /settings/destinations", false, admin, (*site).saveDestination, (*site).destination},
	{"GET /settings/destinations/{destination}", false, admin, (*site).destination, nil},
	{"POST /settings/destinations/{destination}/active", false, admin, (*site).activateDestination, (*site).destination},
	{"POST /settings/destinations/{destination}/secret", false, admin, (*site).newSecret, (*site).destination},
	{"POST /settings/destinations/{destination}/ping", false, admin, (*site).ping, (*site).destination},
	{"GET /settings/policies", false, admin, (*site).policies, nil},
	{"POST /settings/policies", false, admin, (*site).issuePolicy, (*site).policies},
	{"GET /settings/tokens", false, admin, (*site).tokens, nil},
	{"POST /settings/tokens", false, admin, (*site).makeToken, (*site).tokens},
	{"POST /settings/tokens/{token}/revoke", false, admin, (*site).revokeToken, (*site).tokens},
}

// station is one place in the navigation.
type station struct {
	Name string // key of its text, "nav." + Name
	Href string
	Here bool
}

var stations = []struct {
	name string
	href string
	who  []lims.Role
	also []string // other first parts of paths that belong to it
}{
	{"intake", "/intake", field, nil},
	{"collect", "/collect", field, []string{"pack"}},
	{"receipt", "/receipt", bench, nil},
	{"bench", "/bench", lab, []string{"plates"}},
	{"pools", "/pools", lab, []string{"forward"}},
	{"instruments", "/instruments", lab, []string{"messages", "dark", "disputes"}},
	{"review", "/review", lab, []string{"amendments"}},
	{"recalls", "/recalls", []lims.Role{lims.Desk}, nil},
	{"deliveries", "/deliveries", []lims.Role{lims.Desk, lims.Supervisor, lims.Releaser}, nil},
	{"results", "/results", reader, nil},
	{"quality", "/kits", quality, []string{"kits", "lots", "iqc", "agreement", "rules", "limits", "worklist"}},
	{"board", "/board", anyone, nil},
	{"people", "/people", admin, nil},
	{"settings", "/settings", admin, nil},
}

func stationOf(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, s := range stations {
		if s.name == first {
			return s.name
		}
		for _, a := range s.also {
			if a == first {
				return s.name
			}
		}
	}
	return first
}

// navigation is the stations that an actor may enter.
func navigation(a lims.Actor, here string) []station {
	var nav []station
	for _, s := range stations {
		if a.Has(s.who...) {
			nav = append(nav, station{s.name, s.href, s.name == here})
		}
	}
	return nav
}
