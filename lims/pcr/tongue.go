package pcr

// tongue turns the words of a decision table into a language. A word that it does not know stands as it is.
type tongue func(string) string

func tongueOf(lang string) tongue {
	if lang == "zh" {
		return chinese
	}
	return english
}

func english(s string) string {
	if t, ok := enWords[s]; ok {
		return t
	}
	return s
}

func chinese(s string) string {
	if t, ok := zhWords[s]; ok {
		return t
	}
	return english(s)
}

var enWords = map[string]string{
	"and": " and ", "or": " or ", "not": "not ", "then": ", then ", "or no Ct": " or no Ct", "any of": "any of ", "all of": "all of ",
	"after": "after ", "called before": "called before: ", "every virus curve": "every virus curve ", "unknown condition": "unknown condition ",
	"instrument says": "instrument says ", "range of the control lot": "within the range of the control lot",
	"curve sigmoid": "typical S curve", "curve none": "no curve", "curve flagged": "doubtful curve",
	"virus targets": "virus targets", "internal targets": "internal controls", " targets": "targets",
	"reextract": "extract again", "retest_eluate": "test the eluate again", "retest_sample": "test the sample again",
	"retest_other_kit": "test with another kit", "new_aliquot": "with a new aliquot", "resample": "take a new sample",
	"refer": "refer to a person", "report_unable": "report: unable to interpret",
	"presumptive_positive": "presumptive positive", "invalidate_plate": "plate invalid", "invalidate_batch": "extraction batch invalid",
	"reextract_batch": "extract the batch again", "reextract_all": "extract everything again", "extraction_batch": "extraction batch",
	"pos": "+", "neg": "−", "grey": "±", "inv": "invalid", "none": "not assessed",
	"ntc": "no-template control", "nec": "extraction control", "negative control": "negative control", "positive control": "positive control",
	"weak": "weak positive", "saline": "saline", "virus": "virus", "internal": "internal control",
}

var zhWords = map[string]string{
	"and": " 且 ", "or": " 或 ", "not": "非", "then": ",并", "or no Ct": " 或无 Ct", "any of": "任一:", "all of": "全部:", "always": "任何情况",
	"after": "前次处理:", "called before": "前次判读:", "every virus curve": "各病毒靶标曲线 ", "unknown condition": "未知条件 ", "attempt": "检测次数",
	"no Ct": "无 Ct", "anything else": "其他情况", "instrument says": "仪器判读 ", "range of the control lot": "质控批号范围内",
	"curve sigmoid": "典型 S 形曲线", "curve none": "无曲线", "curve flagged": "可疑曲线", "sigmoid": "典型 S 形", "flagged": "可疑",
	"virus targets": "病毒靶标", "internal targets": "内标", " targets": "靶标",
	"reextract": "重新提取", "retest_eluate": "原核酸复测", "retest_sample": "原样本复测", "retest_other_kit": "换试剂复测", "new_aliquot": "另取一份样本",
	"resample": "重新采样", "refer": "交人工判断", "report_unable": "报告无法判读",
	"negative": "阴性", "positive": "阳性", "presumptive_positive": "初筛阳性", "suspicious": "可疑", "inconclusive": "不确定", "invalid": "无效",
	"pending": "待复检", "review": "人工审核",
	"invalidate_plate": "整板无效", "invalidate_batch": "提取批无效", "reextract_batch": "该批重新提取", "reextract_all": "全部重新提取",
	"plate": "整板", "extraction_batch": "提取批",
	"pos": "+", "neg": "−", "grey": "±(灰区)", "inv": "无效", "none": "未评估",
	"ntc": "空白对照", "nec": "提取阴性对照", "negative control": "阴性对照", "positive control": "阳性对照", "weak": "弱阳性质控", "saline": "生理盐水",
	"virus": "病毒", "internal": "内标", "endogenous": "内源", "exogenous": "外源", "verified": "已核实", "unverified": "未核实",
	"Decision table": "判读表", "Version": "版本", "Status": "状态", "Source": "依据", "Signal": "信号", "Cycles": "循环数", "not counted": "不计数",
	"LoD": "检测限", "Max pool": "最大混样数", "PCR minutes": "扩增时间(分钟)", "Specimens": "样本类型", "Replicates": "复孔数",
	"Targets": "靶标", "Target": "靶标", "Role": "作用", "Channel": "通道", "Gene": "基因", "State of a target": "靶标判定", "Value": "测定值", "State": "判定",
	"Instruments": "仪器", "Call of a sample": "样本判读(自上而下,先满足者为准)", "Condition": "条件", "Call": "判读", "Action": "处理",
	"nothing above applies": "以上均不满足", "Controls": "对照", "Control": "对照", "Scope": "作用范围", "Expected": "预期", "If it fails": "失控处理",
	"All combinations, first test": "首次检测的全部组合", "Faults": "问题", "none found": "未发现问题",
	"Insert (file, version)": "说明书(文件名、版本)", "SHA-256 of the insert": "说明书 SHA-256", "Compared with the insert by": "核对人", "Approved by": "批准人", "Date": "日期", "File": "文件",
	"Rule": "序号",
	"A negative needs every virus target − and every required internal control +. What no rule covers goes to a person.": "判阴性须全部病毒靶标为“−”且必需内标为“+”;规则未覆盖的一律人工审核。",
}
